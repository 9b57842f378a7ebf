"""People who have proved who they are, companies with a licence, and who may act for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from stdnum.cn import uscc

from app.identity.merging import ID_NUMBER
from app.identity.models import IdentityProof, ProofState, Resident
from app.identity.queries import actor_of
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.privacy import blind_index, seal
from app.representation.models import Mandate
from app.representation.queries import acting_for
from integrations.sandbox.people import check_digit, label
from tests.identity.accounts import caller_of, make_staff
from tests.people import Caller
from tests.portal import Portal

CARD = "id-card-replace"
PERMIT = "residence-permit"
PASSPORT = "passport"
"""Has to be done in person."""

_people = count(1)
_children = count(1)
_companies = count(1)


def adult_number() -> str:
    """Of somebody grown up; a division and a sequence that the sandbox never uses."""
    first = f"110102{date(1950, 1, 1) + timedelta(days=next(_people)):%Y%m%d}000"
    return first + check_digit(first)


def child_number(born: date | None = None) -> str:
    number = next(_children)
    first = f"110103{born or date(2015, 1, 1) + timedelta(days=number):%Y%m%d}{number % 1000:03d}"
    return first + check_digit(first)


def credit_code() -> str:
    first = f"91110102{next(_companies):09d}"
    return first + uscc.calc_check_digit(first)


@dataclass(frozen=True)
class Someone:
    """A resident with a phone in hand."""

    actor: Actor
    phone: Caller
    name: str
    id_number: str

    @property
    def id(self) -> str:
        return str(self.actor.id)

    @property
    def card(self) -> dict[str, str]:
        """What another has to know of them to name them."""
        return {"name": self.name, "idNumber": self.id_number}

    async def grants(self, agent: Someone, *items: str, **more: Any) -> dict[str, Any]:
        """Asked on the phone; no items: for all."""
        answer: dict[str, Any] = await self.phone.do(
            "GrantMandate", agent=agent.card, items=list(items) or None, **more
        )
        return answer

    async def acting_for(self, principal: Someone | str) -> Actor:
        """As the endpoint makes it of the header."""
        wanted = principal if isinstance(principal, str) else principal.id
        return await acting_for(self.actor, wanted)

    @asynccontextmanager
    async def switched_to(self, principal: Someone | str) -> AsyncIterator[Caller]:
        """The phone while it acts for another."""
        self.phone.acting_for = principal if isinstance(principal, str) else principal.id
        try:
            yield self.phone
        finally:
            self.phone.acting_for = ""


async def make_someone(
    portal: Portal, *, level: Level = Level.L4, name: str = "", id_number: str = "", proved_now: bool = True
) -> Someone:
    """Who proved themselves just now, unless said otherwise."""
    number = id_number or adult_number()
    called = name or label(next(_people))
    row = await Resident.create(
        level=level,
        name_sealed=seal(called),
        id_number_sealed=seal(number),
        id_number_index=blind_index(ID_NUMBER, number),
        created_at=clock.now(),
    )
    phone = await caller_of(portal, Actor(ActorKind.RESIDENT, row.id))
    actor = await actor_of(phone.access)
    if proved_now:
        await prove_again(actor, level)
    return Someone(actor, phone, called, number)


async def prove_again(actor: Actor, level: Level = Level.L4) -> None:
    """A face check in the actor's session, a moment ago."""
    reference = db.new_id()
    await IdentityProof.create(
        id=reference,
        resident_id=actor.id,
        method="wechat-face",
        reference=reference.hex,
        open_id="",
        session_id=actor.session_id,
        level=level,
        name_sealed=seal(""),
        id_number_sealed=seal(""),
        state=ProofState.PASSED,
        started_at=clock.now(),
        expires_at=clock.now(),
        finished_at=clock.now(),
    )


async def make_pair(portal: Portal, *items: str) -> tuple[Someone, Someone]:
    """A principal and the agent they named."""
    principal, agent = await make_someone(portal), await make_someone(portal)
    granted = await principal.grants(agent, *items)
    assert granted["__typename"] == "Mandate", granted
    return principal, agent


async def window(portal: Portal) -> Caller:
    """A member of staff who looks at papers."""
    return await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))


@dataclass(frozen=True)
class Firm:
    """A company that a window entered, and who represents it."""

    account: str
    credit_code: str
    name: str
    head: Someone
    mandate: str


async def make_firm(portal: Portal, head: Someone) -> Firm:
    code, name = credit_code(), "测试有限责任公司"
    clerk = await window(portal)
    entered = await clerk.do("RegisterLegalPerson", creditCode=code, name=name, representative=head.card)
    assert entered["__typename"] == "Representation", entered
    mandate = entered["mandate"]
    return Firm(mandate["principal"]["id"], code, name, head, mandate["id"])


async def mandate_row(answer: dict[str, Any]) -> Mandate:
    return await Mandate.get(id=UUID(answer["id"]))
