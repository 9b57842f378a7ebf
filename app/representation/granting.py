"""Without this module each way to a mandate would look at something else before it lets somebody act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.catalogue.queries import items_in_force
from app.identity.capabilities import ACTING_FOR_OTHERS, check_on
from app.identity.merging import ID_NUMBER, displace, holder_of
from app.identity.models import PersonKind, Resident
from app.identity.queries import locked_resident
from app.identity.rules import Holding, Level, next_holding
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.kernel.privacy import blind_index, seal, unseal
from app.representation.errors import NamesDiffer, NobodyForThemselves, ProxyNotAllowed, TooManyMandates
from app.representation.events import MandateGranted, MandateRevoked
from app.representation.models import LegalPerson, Mandate
from app.representation.rules import (
    LIFE,
    LIVE_PER_PRINCIPAL,
    Basis,
    Company,
    MandateState,
    Person,
    check_item_choice,
    standing_of,
)

CREDIT_CODE = "legal_person.credit_code"


def index_of(person: Person) -> str:
    """By which mandates name a person, whether or not they have an account."""
    return blind_index(ID_NUMBER, person.id_number)


async def account_of(actor: Actor, person: Person) -> Resident:
    """The locked account of somebody whose papers a window saw; made at L4 when there is none.

    An account that only ever had the number typed in loses it: it may be anybody's. In the caller's transaction.
    Raises `NamesDiffer` or `AccountEnded`.
    """
    held = await holder_of(index_of(person))
    if held is not None:
        account = await locked_resident(held.id)
        if next_holding(held_at=account.level, proved_at=Level.L4) is not Holding.DISPLACE:
            if account.name_sealed is None or unseal(account.name_sealed) != person.name:
                raise NamesDiffer
            return account
        await displace(actor, account)
    return await _open_account(actor, person)


async def _open_account(actor: Actor, person: Person) -> Resident:
    account = await Resident.create(
        level=Level.L4,
        name_sealed=seal(person.name),
        id_number_sealed=seal(person.id_number),
        id_number_index=index_of(person),
        created_at=clock.now(),
    )
    await audit.record(
        actor, "identity.account_opened", f"resident:{account.id}", detail={"way": "window"}, person=account.id
    )
    return await locked_resident(account.id)


async def company_account(actor: Actor, company: Company) -> Resident:
    """The locked account of a legal person whose licence a window saw, under its name of today; made when none is.

    In the caller's transaction. Raises `AccountEnded`.
    """
    await db.one_at_a_time(f"{CREDIT_CODE}/{company.credit_code}")
    known = await LegalPerson.get_or_none(credit_code=company.credit_code)
    if known is None:
        account = await Resident.create(
            kind=PersonKind.LEGAL, level=Level.L4, name_sealed=seal(company.name), created_at=clock.now()
        )
        await LegalPerson.create(
            account_id=account.id, credit_code=company.credit_code, name=company.name, registered_at=clock.now()
        )
        await audit.record(actor, "legal_person.registered", f"resident:{account.id}", person=account.id)
        return await locked_resident(account.id)
    account = await locked_resident(known.account_id)
    if known.name != company.name:
        known.name, account.name_sealed = company.name, seal(company.name)
        await known.save(update_fields=["name"])
        await account.save(update_fields=["name_sealed"])
        await audit.record(actor, "legal_person.renamed", f"resident:{account.id}", person=account.id)
    return account


async def check_items(basis: Basis, items: Sequence[str] | None) -> list[str] | None:
    """The chosen keys, all of items in force and, for a proxy, of such as nobody has to see to in person.

    Raises `InvalidInput`, `NotFound` or `ProxyNotAllowed`.
    """
    keys = check_item_choice(items)
    for found in await items_in_force(keys or []):
        if found is None:
            raise NotFound(what_zh="所选的事项", what_en="service item", field="items")
        if basis is Basis.PROXY and not found.proxy_allowed:
            raise ProxyNotAllowed(item=found.name_zh, field="items")
    return keys


async def put_in_force(
    actor: Actor, principal: Resident, agent: Person, basis: Basis, *, items: list[str] | None, until: datetime | None
) -> Mandate:
    """Let `agent` act for the locked `principal`, in the caller's transaction.

    A mandate of the same agent and basis is replaced. Raises `SwitchedOff`, `NobodyForThemselves` or
    `TooManyMandates`.
    """
    check_on(ACTING_FOR_OTHERS)
    if index_of(agent) == principal.id_number_index:
        raise NobodyForThemselves
    live = await live_mandates(principal)
    former = [
        row
        for row in live
        if row.basis is basis and (basis is Basis.LEGAL_REPRESENTATIVE or row.agent_index == index_of(agent))
    ]
    if len(live) - len(former) >= LIVE_PER_PRINCIPAL:
        raise TooManyMandates(limit=LIVE_PER_PRINCIPAL)
    for row in former:
        await end_mandate(actor, row, "replace")
    now = clock.now()
    mandate = await Mandate.create(
        principal_id=principal.id,
        agent_index=index_of(agent),
        agent_name_sealed=seal(agent.name),
        basis=basis,
        items=items,
        state=MandateState.IN_FORCE,
        valid_from=now,
        valid_to=until,
        granted_by=actor.reference,
        granted_at=now,
    )
    await publish(MandateGranted(mandate.id))
    await audit.record(
        actor, "mandate.granted", f"mandate:{mandate.id}", detail={"basis": basis.value}, person=principal.id
    )
    return mandate


async def same_in_force(
    principal: Resident, agent: Person, basis: Basis, *, items: list[str] | None, until: datetime | None
) -> Mandate | None:
    """The live mandate that says just this already; asked for again, it is given back. `until` None: any end."""
    for row in await live_mandates(principal):
        same_agent = row.agent_index == index_of(agent) and unseal(row.agent_name_sealed) == agent.name
        if row.basis is basis and same_agent and row.items == items and until in {None, row.valid_to}:
            return row
    return None


async def live_mandates(principal: Resident) -> list[Mandate]:
    """What the locked principal's mandates in force are, locked, newest first; those that ran out are ended."""
    live = []
    kept = Mandate.filter(principal_id=principal.id, state=MandateState.IN_FORCE)
    for mandate in await kept.order_by("-id").select_for_update():
        if standing_of(mandate.state, mandate.valid_to, clock.now()) is MandateState.EXPIRED:
            mandate.state = LIFE.next_state(mandate.state, "expire")
            mandate.ended_at = mandate.valid_to
            await mandate.save(update_fields=["state", "ended_at"])
        else:
            live.append(mandate)
    return live


async def end_mandate(actor: Actor, mandate: Mandate, verb: str, reason: str = "") -> None:
    """End a locked mandate by a verb of `LIFE`, in the caller's transaction. Raises `IllegalMove`."""
    mandate.state = LIFE.next_state(mandate.state, verb)
    mandate.ended_by = actor.reference
    mandate.ended_at = clock.now()
    mandate.end_reason = reason
    await mandate.save(update_fields=["state", "ended_by", "ended_at", "end_reason"])
    await publish(MandateRevoked(mandate.id))
    await audit.record(
        actor, f"mandate.{mandate.state.value.lower()}", f"mandate:{mandate.id}", person=mandate.principal_id
    )
