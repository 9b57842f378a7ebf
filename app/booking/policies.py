"""Without this module each command would read the rules of a business from the database, or forget some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from app.booking.models import BusinessPolicy
from app.booking.policy import Policy, default_rules
from app.booking.remembered import Remembered
from app.catalogue.models import ServicePoint

_remembered: Remembered[tuple[str, str], Policy] = Remembered(2.0)


async def policy_of(service_point: str, category: str) -> Policy:
    """The rules of a business; they may be two seconds old, and change nothing that was booked."""
    return await _remembered.get((service_point, category), partial(_read, service_point, category))


async def _read(service_point: str, category: str) -> Policy:
    point = await ServicePoint.get(key=service_point)
    own = await BusinessPolicy.get_or_none(service_point_id=service_point, category=category)
    return policy_from(point, own.rules if own else {})


async def policies_at(points: Sequence[ServicePoint]) -> Mapping[tuple[str, str], Policy]:
    """The rules of every business of some service points as they are now, by key and category: one statement."""
    rows = await BusinessPolicy.filter(service_point_id__in=[point.key for point in points])
    own = {(row.service_point_id, row.category): row.rules for row in rows}
    businesses = [(point, category) for point in points for category in point.queue_categories]
    return {
        (point.key, category): policy_from(point, own.get((point.key, category), {})) for point, category in businesses
    }


def policy_from(point: ServicePoint, rules: dict[str, object]) -> Policy:
    """The rules that were set over the defaults of the place."""
    return Policy.model_validate({**default_rules(point.windows, len(point.queue_categories)), **rules})


def forget_policies() -> None:
    """After rules were changed: this process knows at once, the others within two seconds."""
    _remembered.forget()
