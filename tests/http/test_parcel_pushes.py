from __future__ import annotations

from typing import Any

import pytest

from app.delivery.models import Parcel
from app.identity.rules import Role
from app.kernel import db
from app.kernel.inbox.notices import Notice, NoticeState
from tests.http.stage import lines_since, newest_line
from tests.people import Caller
from tests.portal import Portal


def unheard_of() -> str:
    return f"EB{db.new_id().int % 10**9:09}CN"


async def pushes_seen_by(caller: Caller) -> list[dict[str, Any]]:
    connection = await caller.do("UnknownPushes")
    return [edge["node"] for edge in connection["edges"]]


async def test_a_push_for_an_unknown_parcel_is_acknowledged_kept_and_shown_to_the_issuer(portal: Portal) -> None:
    await portal.run_jobs()
    number, parcels, start = unheard_of(), await Parcel.all().count(), await newest_line()

    [reply] = await portal.control.push_unasked(f"{portal.url}/callbacks/kuaidi100/tracking", "ems", number)
    await portal.run_jobs()

    assert (reply.status, reply.accepted) == (200, True)
    assert await Parcel.all().count() == parcels
    assert await lines_since(start) == [("callback.delivery.snapshot", "unknown parcel")]
    newest = await Notice.filter(provider="kuaidi100").order_by("-id").first()
    assert newest is not None
    assert (newest.state, newest.content["number"]) == (NoticeState.UNMATCHED, number)
    shown = (await pushes_seen_by(await portal.clerk(Role.ISSUER)))[0]
    assert (shown["trackingNumber"], shown["tracker"], shown["carrier"]) == (number, "kuaidi100", "ems")


async def test_unknown_pushes_are_nobody_elses_business(portal: Portal) -> None:
    acceptor, resident = await portal.clerk(Role.WINDOW_ACCEPTOR), await portal.phone(proven=False)
    for caller, code in (
        (portal.stranger(), "SIGN_IN_REQUIRED"),
        (resident, "NOT_ALLOWED"),
        (acceptor, "NOT_ALLOWED"),
    ):
        answer = await caller.ask("UnknownPushes")
        assert answer["data"] is None
        assert answer["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"param=%7B%7D",
        b"param=%7B%7D&sign=0123456789ABCDEF0123456789ABCDEF",
        b"\xff\xfe",
        b'{"param": {}}',
        b"sign=x&param=%7B%7D&sign=y",
    ],
)
async def test_a_push_that_is_not_kuaidi100s_is_refused(portal: Portal, body: bytes) -> None:
    await portal.run_jobs()
    kept, start = await Notice.all().count(), await newest_line()

    response = await portal.stranger().http.post("/callbacks/kuaidi100/tracking", content=body)

    assert response.status_code == 400
    assert response.json()["result"] is False
    assert await Notice.all().count() == kept
    assert [act for act, _ in await lines_since(start)] == ["callback.refused"]
