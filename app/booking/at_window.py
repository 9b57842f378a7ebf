"""Without this module a window could book into, or look into, the account of somebody else than the card shows."""

from __future__ import annotations

from uuid import UUID

from app.booking.errors import NoAccountAtWindow
from app.booking.models import Booking
from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import STRONG
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import blind_index, unseal
from app.representation.errors import NamesDiffer
from app.representation.rules import check_person


async def account_at_window(id_number: str, name: str) -> Resident:
    """The locked account of somebody whose identity card a window saw, in the caller's transaction.

    An account that only ever had the number typed in is not theirs and is not found. Raises `PersonNameInvalid`,
    `IdentityNumberInvalid`, `NoAccountAtWindow`, `NamesDiffer` or `AccountEnded`.
    """
    person = check_person(name, id_number, clock.today(), "person")
    index = blind_index(ID_NUMBER, person.id_number)
    seen = await Resident.get_or_none(id_number_index=index)
    if seen is None or seen.level < STRONG:
        raise NoAccountAtWindow(field="person.idNumber")
    account = await locked_resident(seen.id)
    if account.id_number_index != index or account.level < STRONG:  # it has lost the number meanwhile
        raise NoAccountAtWindow(field="person.idNumber")
    if account.name_sealed is None or unseal(account.name_sealed) != person.name:
        raise NamesDiffer(field="person.name")
    return account


async def booking_in_scope(actor: Actor, booking_id: UUID) -> Booking:
    """Anybody's booking with its slot, at a service point in the part of the city that a member of staff works for.

    Raises `NotFound` alike for none and for one elsewhere.
    """
    division = actor.scope.division
    there = Booking.filter(slot__service_point__division_code__startswith=division)
    booking = await there.get_or_none(id=booking_id).prefetch_related("slot")
    if booking is None:
        raise NotFound(what_zh="这个预约", what_en="booking")
    return booking
