"""Without this module a fresh database would be an empty hall.

Loads the catalogue and calendar through the same commands a city would use, and in development one account of
staff for each role. Running it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import orjson

from app import wiring
from app.booking.halls.layout import lay_out_slots
from app.catalogue.commands import import_calendar, import_catalogue
from app.identity.rules import ROLE_TITLES, Role
from app.identity.staffing import ensure_staff
from app.kernel.actor import SYSTEM
from app.kernel.settings import get_settings
from app.messages.templates import seed_templates

SEED = Path(__file__).parent / "catalogue" / "seed"
DEV_PASSWORD = "zhangting-dev"  # noqa: S105 - these accounts exist in development only


def dev_login(role: Role) -> str:
    """`window-acceptor` for the development account of a role."""
    return role.value.lower().replace("_", "-")


async def seed() -> None:
    """Fill the database that the settings name, telling each step on standard output."""
    async with wiring.connected():
        await seed_connected(click.echo)


async def seed_connected(tell: Callable[[str], None] = lambda _sentence: None) -> None:
    """The same with the database already connected."""
    days = await import_calendar(SYSTEM, orjson.loads((SEED / "working_calendar.json").read_bytes()))
    tell(f"calendar: {days} published days")
    report = await import_catalogue(SYSTEM, orjson.loads((SEED / "service_items.json").read_bytes()))
    tell(f"catalogue: {report}")
    tell(f"slots: {await lay_out_slots()} laid out")
    tell(f"messages: {await seed_templates()} first words of the inbox published")
    if get_settings().in_production:
        return
    created = [await ensure_staff(dev_login(role), DEV_PASSWORD, title, (role,)) for role, title in ROLE_TITLES.items()]
    tell(f"staff: {sum(created)} development accounts created")
