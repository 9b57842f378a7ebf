"""The socket itself: who may open it, what may be asked over it, and what ends it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from app.identity.models import DeviceKind, Session
from app.identity.queries import recent_sessions
from app.identity.rules import Role
from app.identity.tokens import make_access_token
from app.kernel import clock
from app.kernel.live import live
from graphql_schema.socket.conversation import MOST_MESSAGES_A_MINUTE
from graphql_schema.socket.open_sockets import MOST_NAMELESS_OF_AN_ADDRESS, MOST_OF_AN_ACCOUNT, open_sockets
from tests.graphql.test_bugs import lost
from tests.identity.accounts import caller_of, make_device, make_staff
from tests.live.sockets import CHANGES, Socket, file_case
from tests.people import Caller, until
from tests.portal import Portal
from tests.representation.stage import Someone, make_someone


@pytest.fixture
async def someone(portal: Portal) -> Someone:
    return await make_someone(portal)


async def opening(portal: Portal, payload: object) -> tuple[int, str]:
    """How a socket is closed that begins with this."""
    async with await Socket.bare(portal.url) as socket:
        await socket.say({"type": "connection_init", "payload": payload})
        return await socket.closed()


@pytest.mark.parametrize(
    ("payload", "ended"),
    [
        ({}, (4403, "SIGN_IN_REQUIRED")),
        ({"accessToken": ""}, (4403, "SIGN_IN_REQUIRED")),
        ({"accessToken": ["a"]}, (4403, "SIGN_IN_REQUIRED")),
        ({"accessToken": "forged"}, (4403, "SESSION_ENDED")),
        ({"accessToken": "a" * 5000}, (4403, "SESSION_ENDED")),
        ([], (4400, "Invalid connection init payload")),
    ],
)
async def test_nobody_listens_without_a_token_of_ours(portal: Portal, payload: object, ended: tuple[int, str]) -> None:
    assert await opening(portal, payload) == ended


async def test_a_damaged_an_outlived_and_a_revoked_token_open_nothing(portal: Portal, someone: Someone) -> None:
    revoked = await make_someone(portal)
    await Session.filter(id=revoked.actor.session_id).update(revoked_at=clock.now())
    with clock.standing_at(clock.now() - timedelta(hours=1)):
        outlived, _ = make_access_token(someone.actor.session_id)  # type: ignore[arg-type]
    fresh = make_access_token(revoked.actor.session_id)[0]  # type: ignore[arg-type]
    recent_sessions.forget(revoked.actor.session_id)  # type: ignore[arg-type]
    for token in (someone.phone.access[:-2], outlived, fresh, someone.phone.refresh):
        assert await opening(portal, {"accessToken": token}) == (4403, "SESSION_ENDED")


async def test_staff_machines_and_agents_without_a_mandate_are_refused(portal: Portal, someone: Someone) -> None:
    clerk = await caller_of(portal, await make_staff(Role.APPROVER))
    kiosk = await make_device(portal, DeviceKind.KIOSK)
    other = await make_someone(portal)
    assert await opening(portal, {"accessToken": clerk.access}) == (4403, "NOT_ALLOWED")
    assert await opening(portal, {"accessToken": kiosk.access}) == (4403, "NOT_ALLOWED")
    acting = {"accessToken": someone.phone.access, "actingFor": other.id}
    assert await opening(portal, acting) == (4403, "MANDATE_ENDED")


async def test_who_says_nothing_is_hung_up_on_after_ten_seconds(portal: Portal) -> None:
    begun = asyncio.get_running_loop().time()
    async with await Socket.bare(portal.url) as socket:
        assert await socket.closed() == (4408, "Connection initialisation timeout")
    assert asyncio.get_running_loop().time() - begun > 9


async def test_nothing_is_told_before_one_says_who_one_is(portal: Portal) -> None:
    async with await Socket.bare(portal.url) as socket:
        await socket.subscribe()
        assert await socket.closed() == (4401, "Unauthorized")


async def test_another_protocol_is_not_spoken(portal: Portal) -> None:
    async with await Socket.bare(portal.url, "graphql-ws") as socket:
        assert (await socket.closed())[0] == 4406


async def test_one_says_who_one_is_once(portal: Portal, someone: Someone) -> None:
    async with await Socket.of(someone.phone) as socket:
        await socket.say({"type": "connection_init", "payload": {"accessToken": someone.phone.access}})
        assert (await socket.closed())[0] == 4429


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{ __typename }"}, "SUBSCRIPTIONS_ONLY"),
        ({"query": "mutation { signOut { __typename } }"}, "SUBSCRIPTIONS_ONLY"),
        ({"query": "subscription { changes { kind "}, "DOCUMENT_INVALID"),
        ({"query": "subscription { changes { secret } }"}, "DOCUMENT_INVALID"),
        ({"query": "subscription { a: changes { kind } b: changes { kind } }"}, "DOCUMENT_INVALID"),
        ({"query": "subscription { changes { " + "kind " * 3000 + "} }"}, "DOCUMENT_INVALID"),
        ({"query": "subscription { changes {" + "".join(f" k{n}: kind" for n in range(20)) + " } }"},
         "DOCUMENT_TOO_DEMANDING"),
        ({"query": "subscription { changes { kind } }", "operationName": "Other"}, "OPERATION_UNKNOWN"),
        ({"query": "subscription { changes { kind } }", "variables": []}, "BAD_REQUEST"),
        ({"documentId": "0" * 64}, "DOCUMENT_UNKNOWN"),
        ({"documentId": CHANGES, "variables": {"kinds": ["SECRETS"]}}, "BAD_VALUE"),
        ({}, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_only_good_subscriptions_are_heard_and_the_socket_stays(
    portal: Portal, someone: Someone, payload: Any, code: str
) -> None:
    async with await Socket.of(someone.phone) as socket:
        await socket.say({"id": "1", "type": "subscribe", "payload": payload})
        refused = await socket.hear()
        assert (refused["id"], refused["type"]) == ("1", "error")
        assert refused["payload"][0]["extensions"]["code"] == code
        await socket.listen()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\x01", 4400),
        ("no json", 4400),
        ("[" * 20_000, 4400),
        ('[{"type": "ping"}]', 4400),
        ("7", 4400),
        ("{}", 4400),
        ('{"type": "explode"}', 4400),
        ('{"type": ["subscribe"]}', 4400),
        ('{"type": "subscribe"}', 4400),
        ('{"type": "subscribe", "id": {}, "payload": {}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": "x"}', 4400),
        ('{"type": "complete", "id": []}', 4400),
        ('{"type": "ping", "payload": {"a": "\\u0000"}}', 4400),
        (json.dumps({"type": "ping", "payload": {"a": "b" * 70_000}}), 1009),
        (json.dumps({"type": "ping", "payload": {"a": "字" * 20_000}}, ensure_ascii=False), None),
    ],
)
async def test_garbage_ends_the_socket_and_nothing_else(
    portal: Portal, someone: Someone, message: str | bytes, code: int | None
) -> None:
    """What is logged is logged by any task of the process, so the sockets of earlier tests have to be gone."""

    async def nobody_is_left() -> bool:
        return not open_sockets.lines

    await until(nobody_is_left, what="the sockets of earlier tests to be gone")
    with capture_logs() as logs:
        async with await Socket.of(someone.phone) as socket:
            await socket.say(message)
            if code is None:
                assert await socket.hear() == {"type": "pong"}
            else:
                assert (await socket.closed())[0] == code
    assert [line for line in logs if line["log_level"] in {"error", "critical"}] == []


async def test_who_talks_too_much_is_hung_up_on(portal: Portal, someone: Someone) -> None:
    async with await Socket.of(someone.phone) as socket:
        for _ in range(2 * MOST_MESSAGES_A_MINUTE):
            await socket.wire.send('{"type":"ping"}')
        assert await socket.closed() == (4429, "TOO_MANY_MESSAGES")


async def test_the_eleventh_subscription_of_a_socket_is_refused(portal: Portal, someone: Someone) -> None:
    async with await Socket.of(someone.phone) as socket:
        for name in range(10):
            await socket.subscribe(str(name))
            await socket.change()
        await socket.subscribe("10")
        refused = await socket.hear()
        assert (refused["id"], refused["type"]) == ("10", "error")
        await socket.say({"id": "3", "type": "complete"})
        await socket.subscribe("10")
        await socket.change()


async def test_of_six_sockets_of_an_account_the_oldest_is_closed(portal: Portal) -> None:
    someone = await make_someone(portal)
    opened = [await Socket.of(someone.phone) for _ in range(MOST_OF_AN_ACCOUNT + 1)]
    assert await opened[0].closed() == (4429, "TOO_MANY_SOCKETS")
    await opened[1].listen()
    for socket in opened:
        socket.cut()


async def test_one_address_has_so_many_sockets_that_say_nothing(portal: Portal, someone: Someone) -> None:
    silent = [await Socket.bare(portal.url) for _ in range(MOST_NAMELESS_OF_AN_ADDRESS)]
    with pytest.raises(InvalidStatus) as refused:
        await Socket.bare(portal.url)
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == "30"
    for socket in silent:
        socket.cut()

    async def there_is_room() -> bool:
        return open_sockets.has_room_for("127.0.0.1") and not open_sockets.nameless

    await until(there_is_room, what="the lost sockets to be forgotten")
    async with await Socket.of(someone.phone):
        pass


@pytest.mark.parametrize("how", ["SignOut", "elsewhere"])
async def test_a_session_that_ends_takes_its_sockets_along(portal: Portal, how: str) -> None:
    someone, other = await make_someone(portal), await make_someone(portal)
    async with await (await Socket.of(someone.phone)).listen() as socket, await Socket.of(other.phone) as left:
        if how == "SignOut":
            assert (await someone.phone.do("SignOut"))["done"] is True
        else:
            await Session.filter(id=someone.actor.session_id).update(revoked_at=clock.now())
        begun = asyncio.get_running_loop().time()
        assert await socket.closed() == (4403, "SESSION_ENDED")
        assert asyncio.get_running_loop().time() - begun < 25
        await left.listen()


async def test_a_subscription_by_post_is_sent_to_the_socket(portal: Portal, someone: Someone) -> None:
    answer = await someone.phone.post({"documentId": CHANGES})
    assert answer.status_code == 405
    assert answer.json()["errors"][0]["extensions"]["code"] == "SUBSCRIPTION_BY_SOCKET"


async def test_a_bug_while_looking_is_masked_logged_and_ends_the_subscription(portal: Portal) -> None:
    someone = await make_someone(portal)
    assert someone.actor.id
    case = await file_case(someone.actor.id)
    async with await (await Socket.of(someone.phone, language="en")).listen() as socket:
        with capture_logs() as logs:
            async with lost("case_file"):
                await live.tell(someone.actor.id, "CASE", case.id)
                told, over = await socket.hear(), await socket.hear()
        assert told["payload"]["errors"][0]["message"] == "Something went wrong on our side."
        assert told["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
        assert over == {"id": "1", "type": "complete"}
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["bug in a resolver"]
        await socket.listen()


async def test_the_figures_count_open_sockets(portal: Portal, someone: Someone) -> None:
    async def open_now(caller: Caller) -> float:
        text = (await caller.http.get("/metrics")).text
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith("portal_sockets ")))

    before = await open_now(someone.phone)
    async with await Socket.of(someone.phone):
        assert await open_now(someone.phone) == before + 1
