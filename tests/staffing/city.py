"""A city with one department in a district, so that every neighbour of it can be tried."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.models import Department, ItemState
from app.catalogue.queries import item_in_force
from app.kernel import clock, db
from app.kernel.actor import Scope
from app.kernel.privacy import seal
from tests.cases.filing import ADDRESS, CARD
from tests.identity.accounts import make_resident

OFFICE, DISTRICT = "scope-office", "990102"

WITHIN: dict[str, Scope] = {
    "whole city": Scope(),
    "province": Scope(None, "99"),
    "parent division": Scope(None, "9901"),
    "own division": Scope(None, DISTRICT),
    "own department": Scope(OFFICE),
    "own department, parent division": Scope(OFFICE, "9901"),
    "own department, own division": Scope(OFFICE, DISTRICT),
}
ELSEWHERE: dict[str, Scope] = {
    "child division": Scope(None, "990102001"),
    "grandchild division": Scope(None, "990102001001"),
    "sibling division": Scope(None, "990103"),
    "other city": Scope(None, "9902"),
    "other department": Scope("tax"),
    "other department, own division": Scope("tax", DISTRICT),
    "own department, sibling division": Scope(OFFICE, "990103"),
    "own department, child division": Scope(OFFICE, "990102001"),
}


async def district_case(state: CaseState = CaseState.SUBMITTED) -> Case:
    """A case to be posted of the office in the district, under an item nobody else files for."""
    await Department.get_or_create(
        key=OFFICE,
        defaults={"name_zh": "测试机关", "name_en": "office", "credit_code": "0" * 18, "division_code": DISTRICT},
    )
    item = (await item_in_force(CARD)).clone(pk=db.new_id())
    item.key, item.state, item.department_id = f"scope-{item.id.hex[:20]}", ItemState.SUPERSEDED, OFFICE
    await item.save(force_create=True)
    return await Case.create(
        number=f"T{db.new_id().hex}",
        resident_id=(await make_resident()).resident_id(),
        item_id=item.id,
        item_key=item.key,
        state=state,
        fees=[],
        delivery_method=DeliveryMethod.POST,
        delivery_address_sealed=seal(orjson.dumps(asdict(ADDRESS)).decode()),
        submitted_at=clock.now(),
    )
