"""Without this module nobody would find the item they need by the words they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.catalogue.models import Department, ItemState, QueueCategory, ServiceItem, ServicePoint
from app.catalogue.rules import LONGEST_SEARCH, grams
from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound

# Rare pairs say more than common ones: a pair counts by its weight and by how few items have it.
_SEARCH = """
    WITH wanted AS (
        SELECT g.item_id, g.gram, g.weight
        FROM item_gram g JOIN service_item i ON i.id = g.item_id AND i.state = 'IN_FORCE'
        WHERE g.gram = ANY($1::text[])
    ),
    rarity AS (
        SELECT gram, ln(1 + (SELECT count(*) FROM service_item WHERE state = 'IN_FORCE')::float8 / count(*)) AS idf
        FROM wanted GROUP BY gram
    )
    SELECT w.item_id, sum(w.weight * r.idf) AS score
    FROM wanted w JOIN rarity r USING (gram) JOIN service_item i ON i.id = w.item_id
    GROUP BY w.item_id, i.key ORDER BY score DESC, i.key LIMIT $2 OFFSET $3
"""


@dataclass(frozen=True)
class Page:
    """Some rows and whether more follow."""

    items: list[ServiceItem]
    has_more: bool


async def search_items(text: str, *, limit: int, offset: int) -> Page:
    """Items in force by the words people use (`身份证丢了`), best first."""
    wanted = sorted(grams(text[:LONGEST_SEARCH]))
    if not wanted:
        return Page([], has_more=False)
    found = await db.rows(_SEARCH, wanted, limit + 1, offset)
    ids = [row["item_id"] for row in found]
    items = await items_by_id(ids[:limit])
    return Page([item for item in items if item is not None], has_more=len(ids) > limit)


async def browse_items(*, department: str | None, limit: int, offset: int) -> Page:
    """Items in force in the order of their keys."""
    query = ServiceItem.filter(state=ItemState.IN_FORCE)
    if department is not None:
        query = query.filter(department_id=department)
    found = await query.order_by("key").offset(offset).limit(limit + 1)
    return Page(found[:limit], has_more=len(found) > limit)


async def item_in_force(key: str) -> ServiceItem:
    """The version one applies for now. Raises `NotFound`."""
    item = await ServiceItem.get_or_none(key=key, state=ItemState.IN_FORCE)
    if item is None:
        raise NotFound(what_zh="这个事项", what_en="service item")
    return item


async def items_by_id(ids: Sequence[UUID]) -> list[ServiceItem | None]:
    """In key order."""
    found = await ServiceItem.in_bulk(ids, "id")
    return [found.get(key) for key in ids]


async def departments_by_key(keys: Sequence[str]) -> list[Department | None]:
    """In key order."""
    found = await Department.in_bulk(keys, "key")
    return [found.get(key) for key in keys]


async def businesses_by_letter(letters: Sequence[str]) -> list[QueueCategory]:
    """In the order of the letters; one that no catalogue has named is called by its letter."""
    found = await QueueCategory.in_bulk(letters, "prefix")
    return [found.get(letter) or QueueCategory(prefix=letter, name_zh=letter, name_en="") for letter in letters]


async def service_points_by_key(keys: Sequence[str]) -> list[ServicePoint | None]:
    """In key order."""
    found = await ServicePoint.in_bulk(keys, "key")
    return [found.get(key) for key in keys]


async def service_point_for(actor: Actor, key: str) -> ServicePoint:
    """A service point where a member of staff may work. Raises `NotFound` alike for none and for one elsewhere."""
    point = await ServicePoint.get_or_none(key=key, division_code__startswith=actor.scope.division)
    if point is None:
        raise NotFound(what_zh="这个服务点", what_en="service point")
    return point


async def keys_of_points_for(actor: Actor) -> list[str]:
    """Keys of the service points where a member of staff may work."""
    points = ServicePoint.filter(division_code__startswith=actor.scope.division)
    return [point.key for point in await points.order_by("key")]


async def every_service_point() -> list[ServicePoint]:
    """All halls and stations: a city has tens of them."""
    return await ServicePoint.all().order_by("key")


async def service_points_serving(categories: Sequence[str]) -> list[list[ServicePoint]]:
    """For each queue category the service points that serve it, in key order."""
    points = await every_service_point()
    return [[point for point in points if category in point.queue_categories] for category in categories]


async def keys_open_to_proxies(wanted: Sequence[str] | None) -> list[str]:
    """Keys of items in force that a proxy may see to, those of `wanted` or all."""
    query = ServiceItem.filter(state=ItemState.IN_FORCE, proxy_allowed=True)
    if wanted is not None:
        query = query.filter(key__in=list(wanted))
    return list(await query.values_list("key", flat=True))  # type: ignore[arg-type]


async def items_in_force(keys: Sequence[str]) -> list[ServiceItem | None]:
    """The versions one applies for now, in key order."""
    found = {item.key: item for item in await ServiceItem.filter(key__in=list(keys), state=ItemState.IN_FORCE)}
    return [found.get(key) for key in keys]
