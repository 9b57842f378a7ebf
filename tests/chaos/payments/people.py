"""Who pays in the run, and what for."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.identity.models import ChannelBinding
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import SYSTEM, Actor
from app.payments.issuing import issue_bill, make_bill
from app.payments.models import Bill
from app.payments.rules import BillKind
from integrations.sandbox.control import SandboxControl
from tests.chaos.payments.line import Caller
from tests.identity.accounts import make_resident, make_staff
from tests.payments.stage import make_case

UNIT = "ps-household"


@dataclass(frozen=True)
class Person:
    """A resident with the city's mini-program on two phones, one with WeChat and one with Alipay."""

    actor: Actor
    phones: dict[str, Caller]


@dataclass(frozen=True)
class Staffed:
    cashier: Caller
    manager: Caller


async def make_person(control: SandboxControl) -> Person:
    actor = await make_resident()
    phone, user = await control.make_phone(), await control.add_alipay_user()
    names = {
        "wechat": (os.environ["WECHAT_APP_ID"], phone.openid),
        "alipay": (os.environ["ALIPAY_APP_ID"], user.open_id),
    }
    phones = {}
    for channel, (app_id, open_id) in names.items():
        await ChannelBinding.create(
            resident_id=actor.id, channel=channel, app_id=app_id, open_id=open_id, bound_at=clock.now()
        )
        phones[channel] = Caller(actor, channel, open_id)
        await phones[channel].enter()
    return Person(actor, phones)


async def make_staffed() -> Staffed:
    windows = []
    for role in (Role.CASHIER, Role.DEPARTMENT_MANAGER):
        windows.append(Caller(await make_staff(role), "staff"))
        await windows[-1].enter()
    return Staffed(*windows)


async def make_fee(person: Person) -> Bill:
    """Of an approved case, which a resident has one of."""
    bill = await issue_bill((await make_case(person.actor)).id)
    assert bill is not None
    return bill


async def make_notice(actor: Actor, chance: random.Random) -> Bill:
    """A few lines that stand alone."""
    fens = [chance.randint(1, 30_000) for _ in range(chance.randint(1, 3))]
    async with db.transaction():
        return await make_bill(
            SYSTEM,
            BillKind.NOTICE,
            UNIT,
            _lines(fens),
            description="测试缴费",
            resident_id=actor.id,
            item_key="id-card-replace",
        )


def _lines(fens: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "fee_key": "f", "name": f"收费项目{place}", "amount_fen": fen, "quantity": 1, "basis": "测试依据",
            "standard": "FIXED",
        }
        for place, fen in enumerate(fens)
    ]  # fmt: skip
