"""Without this module a resident with two host apps would be two people (一次认证、全网通行).

The identity number is the key: whoever proves one that another account holds is asked how well each side has
proved it (`rules.next_holding`), and either both accounts become one, or one of them has to prove more first.
Everything moves in one transaction; each domain decides its own conflicts by written rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.identity import capabilities
from app.identity.assurance import ways
from app.identity.errors import AnotherPerson, IdentityTaken
from app.identity.events import AccountsJoined, NumberLost
from app.identity.holdings import in_order_of_locks
from app.identity.models import Resident
from app.identity.ports import PersonClaim
from app.identity.queries import locked_resident, recent_sessions
from app.identity.rules import STRONG, Holding, may_replace, next_holding
from app.kernel import audit, db
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.kernel.privacy import blind_index, seal

ID_NUMBER = "resident.id_number"


@dataclass(frozen=True)
class Accounts:
    """The accounts an identity number is about, locked: the actor's, and another one that holds it."""

    mine: Resident
    holder: Resident | None
    index: str


async def holder_of(index: str) -> Resident | None:
    """The account that holds a number, not locked yet; no other transaction takes the number before this one ends.

    So one account takes it at a time, also while nobody holds it and no row could be locked.
    """
    await db.one_at_a_time(f"{ID_NUMBER}/{index}")
    return await Resident.get_or_none(id_number_index=index)


async def locked_accounts(actor: Actor, id_number: str) -> Accounts:
    """Lock everybody whom a proof of this number concerns, in the caller's transaction and before anything else.

    Raises `AccountEnded` when one of them was joined or closed in this moment.
    """
    index = blind_index(ID_NUMBER, id_number)
    held = await holder_of(index)
    mine_id = actor.own_id()
    rows = {key: await locked_resident(key) for key in sorted({mine_id} if held is None else {mine_id, held.id})}
    mine = rows.pop(mine_id)
    others = [row for row in rows.values() if row.id_number_index == index]  # it may have lost it meanwhile
    return Accounts(mine, next(iter(others), None), index)


async def take_number(actor: Actor, accounts: Accounts, claim: PersonClaim, level: int) -> Resident:
    """Give the actor's account the number it has proved at `level`, or join it with the account that has it.

    In the caller's transaction. Gives the account that is left, and the caller has to call `forget_absorbed`
    after the commit. Raises `AnotherPerson` when the account is proved to be somebody else's, `IdentityTaken` when
    the number is another account's and this one has not proved it well enough.
    """
    mine, holder, index = accounts.mine, accounts.holder, accounts.index
    if mine.id_number_index not in {None, index} and not may_replace(held_at=mine.level, proved_at=level):
        raise AnotherPerson
    if holder is None:
        return await _write(actor, mine, claim, index, level)
    match next_holding(held_at=holder.level, proved_at=level):
        case Holding.PROVE_MORE:
            raise IdentityTaken(ways=[way.code for way in ways() if way.level >= STRONG])
        case Holding.DISPLACE:
            await displace(actor, holder)
            return await _write(actor, mine, claim, index, level)
        case Holding.JOIN:
            capabilities.check_on(capabilities.MERGING)
            return await _join(actor, mine, holder, level)


async def _write(actor: Actor, mine: Resident, claim: PersonClaim, index: str, level: int) -> Resident:
    mine.name_sealed = seal(claim.name)
    mine.id_number_sealed = seal(claim.id_number)
    mine.id_number_index = index
    mine.level = max(mine.level, level)
    await mine.save(update_fields=["name_sealed", "id_number_sealed", "id_number_index", "level"])
    await audit.record(actor, "identity.level_raised", f"resident:{mine.id}", detail={"level": mine.level})
    return mine


async def displace(actor: Actor, holder: Resident) -> None:
    """Take a number away from an account that only ever had it typed in; it starts again at L1."""
    holder.name_sealed = holder.id_number_sealed = holder.id_number_index = None
    holder.level = 1
    await holder.save(update_fields=["name_sealed", "id_number_sealed", "id_number_index", "level"])
    await audit.record(actor, "identity.number_lost", f"resident:{holder.id}", person=holder.id)
    await publish(NumberLost(holder.id))


async def _join(actor: Actor, mine: Resident, holder: Resident, level: int) -> Resident:
    """The account that held the number first stays; everything of the other becomes its own."""
    moved: dict[str, int] = {}
    for domain, held in in_order_of_locks():
        for kind, count in (await held.move(mine.id, holder.id)).items():
            if count:
                moved[f"{domain}.{kind}"] = count
    await holder.refresh_from_db()
    holder.level = max(mine.level, holder.level, level)
    await holder.save(update_fields=["level"])
    await mine.refresh_from_db()
    mine.name_sealed = mine.id_number_sealed = mine.id_number_index = mine.phone_sealed = mine.phone_index = None
    mine.level, mine.merged_into_id = 1, holder.id
    await mine.save()
    detail = {"absorbed": str(mine.id), "moved": moved}
    await audit.record(actor, "identity.accounts_joined", f"resident:{holder.id}", detail=detail, person=holder.id)
    await publish(AccountsJoined(holder.id, mine.id))
    return holder


def forget_absorbed(actor: Actor, left: Resident) -> None:
    """Let this process ask again who speaks in the sessions of an account that was just joined with another.

    Other processes find out within the half minute for which they trust a session.
    """
    if actor.id is not None and actor.id != left.id:
        recent_sessions.forget_account(actor.id)
