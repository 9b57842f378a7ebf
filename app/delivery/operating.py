"""Without this module what we once misread of a parcel would stay misread."""

from __future__ import annotations

from app.delivery.ports import SNAPSHOT_TOPIC
from app.delivery.queries import parcel_by_number, parcel_missing
from app.delivery.rules import check_tracking_number
from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.inbox.notices import read_again


async def replay(carrier: str, number: str, operator: str) -> int:
    """Read everything a parcel's tracker told anew, as its codes are understood today; gives how many tellings.

    Raises `TrackingNumberInvalid`, `CheckDigitWrong` or `NotFound`.
    """
    number = check_tracking_number(number)
    parcel = await parcel_by_number(carrier, number)
    if parcel is None:
        raise parcel_missing()
    count = await read_again(SNAPSHOT_TOPIC, carrier=carrier, number=number)
    who = Actor(ActorKind.SYSTEM, name=f"operator {operator}")
    await audit.record(who, "parcel.read_again", f"parcel:{parcel.id}", detail={"tellings": count})
    return count
