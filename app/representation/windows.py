"""Without this module who has no phone could neither ask for help nor take it back (帮办代办)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.identity.errors import IdentityNumberInvalid
from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import Role, check_id_number
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import blind_index
from app.representation.commands import mandate_not_found
from app.representation.errors import CreditCodeInvalid
from app.representation.granting import (
    account_of,
    check_items,
    company_account,
    end_mandate,
    live_mandates,
    put_in_force,
    same_in_force,
)
from app.representation.models import LegalPerson, Mandate
from app.representation.rules import (
    LIFE,
    Basis,
    Company,
    MandateState,
    Person,
    check_company_name,
    check_credit_code,
    check_mandate_end,
    check_of_age,
    check_person,
    check_reason,
)


@dataclass(frozen=True)
class Installed:
    """Who now represents, and the agents that were appointed before and go on."""

    mandate: Mandate
    agents: list[Mandate]


async def grant_at_window(
    actor: Actor, principal: Person, agent: Person, items: Sequence[str] | None, until: datetime | None
) -> Mandate:
    """Let one person act for another who stands at the window with them; both cards were seen.

    Makes the principal's account at L4 when there is none. Raises `NotAllowed`, `PersonNameInvalid`,
    `IdentityNumberInvalid`, `InvalidInput`, `NotFound`, `ProxyNotAllowed`, `NotOfAge`, `NamesDiffer`,
    `NobodyForThemselves`, `TooManyMandates` or `AccountEnded`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    today = clock.today()
    principal = check_person(principal.name, principal.id_number, today, "principal")
    agent = check_person(agent.name, agent.id_number, today, "agent")
    check_of_age(principal.born, today)
    end = check_mandate_end(until, clock.now())
    keys = await check_items(Basis.PROXY, items)
    async with db.transaction():
        account = await account_of(actor, principal)
        earlier = await same_in_force(account, agent, Basis.PROXY, items=keys, until=until)
        return earlier or await put_in_force(actor, account, agent, Basis.PROXY, items=keys, until=end)


async def register_legal_person(actor: Actor, credit_code: str, name: str, representative: Person) -> Installed:
    """Enter a legal person and its legal representative by the licence and the card that a window saw.

    Another representative than before takes the former's place; agents that the former appointed go on, since it
    was the legal person that appointed them (民法典 61), and are listed. Raises `NotAllowed`, `CreditCodeInvalid`,
    `CompanyNameInvalid`, `PersonNameInvalid`, `IdentityNumberInvalid` or `AccountEnded`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    company = Company(check_credit_code(credit_code), check_company_name(name))
    person = check_person(representative.name, representative.id_number, clock.today(), "representative")
    async with db.transaction():
        return await install(actor, await company_account(actor, company), person, Basis.LEGAL_REPRESENTATIVE)


async def install(
    actor: Actor, principal: Resident, person: Person, basis: Basis, *, until: datetime | None = None
) -> Installed:
    """Put what the law makes in force for the locked principal, in the caller's transaction; again is harmless."""
    mandate = await same_in_force(principal, person, basis, items=None, until=until)
    if mandate is None:
        mandate = await put_in_force(actor, principal, person, basis, items=None, until=until)
    return await with_agents(mandate, principal)


async def with_agents(mandate: Mandate, principal: Resident) -> Installed:
    live = await live_mandates(principal)
    return Installed(mandate, [row for row in live if row.basis is Basis.AUTHORISED_AGENT])


async def end_at_window(actor: Actor, mandate_id: UUID, reason: str) -> Mandate:
    """End any mandate by the papers a window saw, or at the principal's wish; again is harmless.

    Raises `NotAllowed`, `InvalidInput` or `NotFound`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    why = check_reason(reason)
    async with db.transaction():
        known = await Mandate.get_or_none(id=mandate_id)
        if known is None:
            raise mandate_not_found()
        await locked_resident(known.principal_id)
        mandate = await Mandate.select_for_update().get(id=mandate_id)
        if LIFE.may(mandate.state, "revoke"):
            await end_mandate(actor, mandate, "revoke", why)
    return mandate


async def mandates_of(actor: Actor, number: str) -> list[Mandate]:
    """What somebody at the window has granted and is in force, newest first, at most 50; the look is audited.

    `number` is of their identity card or of the licence. Raises `NotAllowed` or `NotFound`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        account_id = await _account_numbered(number)
        await audit.record(actor, "mandate.seen", f"resident:{account_id}", person=account_id)
        return await Mandate.filter(principal_id=account_id, state=MandateState.IN_FORCE).order_by("-id").limit(50)


async def _account_numbered(number: str) -> UUID:
    with suppress(IdentityNumberInvalid):
        index = blind_index(ID_NUMBER, check_id_number(number, clock.today()))
        person = await Resident.get_or_none(id_number_index=index)
        if person is not None:
            return person.id
    with suppress(CreditCodeInvalid):
        company = await LegalPerson.get_or_none(credit_code=check_credit_code(number))
        if company is not None:
            return company.account_id
    raise NotFound(what_zh="该号码的账号", what_en="account of this number", field="number")
