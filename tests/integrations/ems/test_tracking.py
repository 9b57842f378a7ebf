"""Without this module nobody would know whether the post's events are understood."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

import pytest
from pydantic import TypeAdapter

from app.delivery.ports import DeliveredTo, ParcelState, ParcelTracker, SubscriptionRefused, TrackingSnapshot
from app.delivery.rules import standing_of
from app.kernel import ports
from app.kernel.callbacks import CallbackReader, CallbackRefused
from app.kernel.errors import ProviderUnavailable
from integrations.ems.states import events_of, is_untimed
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door

pytestmark = pytest.mark.usefixtures("door")
snapshot_from = TypeAdapter(TrackingSnapshot).validate_python


def tracker() -> ParcelTracker:
    return ports.get(ParcelTracker, "ems")


@pytest.fixture
def number() -> str:
    return f"11{secrets.randbelow(10**11):011d}"


@pytest.mark.parametrize(
    ("code", "more", "state", "to"),
    [
        ("764", {}, ParcelState.CREATED, None),
        ("203", {}, ParcelState.PICKED_UP, None),
        ("389", {}, ParcelState.IN_TRANSIT, None),
        ("399", {}, ParcelState.IN_TRANSIT, None),
        ("999", {}, ParcelState.IN_TRANSIT, None),
        ("993", {}, ParcelState.EXCEPTION, None),
        ("713", {}, ParcelState.AT_DESTINATION, None),
        ("702", {}, ParcelState.OUT_FOR_DELIVERY, None),
        ("705", {}, ParcelState.DELIVERY_FAILED, None),
        ("705", {"attemptDeliveryCode": "7"}, ParcelState.REFUSED, None),
        ("705", {"attemptDeliveryCode": "13"}, ParcelState.LOST, None),
        ("723", {"attemptDeliveryCode": 9}, ParcelState.AWAITING_COLLECTION, None),
        ("704", {"deliverCode": "10"}, ParcelState.DELIVERED, DeliveredTo.ADDRESSEE),
        ("704", {"deliverCode": 20}, ParcelState.DELIVERED, DeliveredTo.OTHER_PERSON),
        ("704", {"deliverCode": "50"}, ParcelState.DELIVERED, DeliveredTo.LOCKER),
        ("704", {"deliverCode": "180"}, ParcelState.LOST, None),
        ("704", {"deliverCode": "999"}, ParcelState.DELIVERED, DeliveredTo.UNKNOWN),
        ("704", {}, ParcelState.DELIVERED, DeliveredTo.UNKNOWN),
        ("748", {}, ParcelState.DELIVERED, DeliveredTo.ADDRESSEE),
        ("741", {}, ParcelState.RETURNING, None),
        ("711", {}, ParcelState.RETURNED, None),
        ("801", {}, ParcelState.CANCELLED, None),
        ("987", {}, ParcelState.LOST, None),
        ("743", {}, None, None),
        ("424", {}, None, None),
        ("555", {}, None, None),
        ("", {}, None, None),
    ],
)
def test_a_code_names_a_state(
    code: str, more: dict[str, str], state: ParcelState | None, to: DeliveredTo | None
) -> None:
    [event] = events_of([{"opTime": "2026-11-26 08:00:00", "opCode": code, "opDesc": "x", **more}])
    assert (event.state, event.delivered_to, event.at) == (state, to, datetime(2026, 11, 26, tzinfo=UTC))


def test_another_zone_is_honoured_and_what_cannot_be_read_stands_beside_its_neighbour() -> None:
    rows = [
        {"opTime": "2026-11-26 08:00:00", "opCode": "203"},
        {"opTime": "2026-11-26 08:00:00 UTC", "opCode": "389"},
        {"opTime": "now", "opCode": "704", "deliverCode": "10"},
    ]
    events = events_of(rows)
    assert [(event.raw_code, event.at.hour) for event in events] == [("704+10", 8), ("389", 8), ("203", 0)]
    assert (is_untimed(rows), is_untimed(rows[:2]), events_of(rows[2:])) == (True, False, ())


async def test_a_query_tells_the_whole_way_and_what_was_taken_back(control: SandboxControl, number: str) -> None:
    assert await tracker().query("ems", number, None) is None
    for hour, code, deliver in (("08", "203", ""), ("09", "702", ""), ("10", "704", "10"), ("11", "743", "")):
        await control.post_scan(number, code, deliver=deliver, at=f"2026-11-25T{hour}:00:00")
    snapshot = await tracker().query("ems", number, None)
    assert snapshot is not None
    assert not snapshot.partial
    assert [event.raw_code for event in snapshot.events] == ["743", "704+10", "702", "203"]
    assert standing_of(snapshot.events, datetime(2026, 11, 25, tzinfo=UTC)).state is ParcelState.OUT_FOR_DELIVERY


async def test_a_push_is_one_event_more(control: SandboxControl, door: Door, number: str) -> None:
    await control.post_scan(number, "203")
    [reply] = await control.post_scan(number, "702", push_to=f"{door.url}/callbacks/ems/tracking")
    assert (reply.status, reply.accepted) == (200, True)
    snapshot = snapshot_from(door.received[0].content)
    assert (snapshot.tracker, snapshot.carrier, snapshot.number) == ("ems", "ems", number)
    assert (snapshot.partial, [event.state for event in snapshot.events]) == (True, [ParcelState.OUT_FOR_DELIVERY])


async def test_the_same_push_again_is_the_same_event(control: SandboxControl, door: Door, number: str) -> None:
    await control.post_scan(number, "203", push_to=f"{door.url}/callbacks/ems/tracking", times=3)
    assert len({received.event_key for received in door.received}) == 1


async def test_a_push_closed_with_another_key_is_refused(control: SandboxControl, door: Door, number: str) -> None:
    [reply] = await control.post_scan(number, "704", push_to=f"{door.url}/callbacks/ems/tracking", mode="forged")
    assert (reply.status, reply.accepted, door.received) == (400, False, [])
    assert door.refused == ["signature-wrong"]


async def test_a_push_for_another_customer_or_of_another_kind_is_refused(
    control: SandboxControl, door: Door, number: str
) -> None:
    await control.post_scan(number, "203", push_to=f"{door.url}/callbacks/ems/tracking")
    true = door.raw[0]
    form = {name: values[0] for name, values in parse_qs(true.body.decode()).items()}
    reader = ports.get(CallbackReader, "ems/tracking")
    for change in ({"senderNo": "1"}, {"apiCode": "020003"}, {"logitcsInterface": "|$4|AAAA"}):
        with pytest.raises(CallbackRefused):
            await reader.read(replace(true, body=urlencode({**form, **change}).encode()))
    with pytest.raises(CallbackRefused):
        await reader.read(replace(true, body=true.body + b"&apiCode=040002"))


async def test_what_the_post_cannot_follow_is_refused_here() -> None:
    for carrier, number in (("yunda", "1101234567890"), ("ems", "短")):
        with pytest.raises(SubscriptionRefused):
            await tracker().subscribe(carrier, number, None)


@pytest.mark.parametrize("fault", ["server_error", "garbage"])
async def test_no_usable_answer_is_unavailable(control: SandboxControl, number: str, fault: str) -> None:
    await control.post_scan(number, "203")
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await tracker().query("ems", number, None)
