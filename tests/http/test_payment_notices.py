from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from app.kernel.audit import AuditLine
from app.kernel.inbox.notices import Notice, NoticeState
from tests.http.stage import Order, lines_since, newest_line, open_order
from tests.payments.standing import money_of
from tests.portal import Portal


@pytest.fixture
async def order(portal: Portal) -> AsyncIterator[Order]:
    """An order that is paid at WeChat, which keeps silent: each test says itself what it is told."""
    await portal.control.be_hostile(notify_by_itself=False)
    opened = await open_order(portal)
    await portal.run_jobs()
    yield opened
    await portal.run_jobs()
    await portal.control.be_kind()


def taken(verdict: str) -> float:
    labels = {"provider": "wechat", "kind": "payment", "verdict": verdict}
    return REGISTRY.get_sample_value("portal_callbacks_total", labels) or 0.0


@pytest.mark.parametrize(
    ("mode", "status", "reason"),
    [
        ("forged", 401, "signature-wrong"),
        ("tampered", 401, "signature-wrong"),
        ("expired", 401, "timestamp-stale"),
        ("unknown_serial", 401, "serial-unknown"),
        ("signtest", 401, "signature-wrong"),
        ("other_merchant", 400, "not-ours"),
        ("other_app", 400, "not-ours"),
    ],
)
async def test_what_is_not_genuine_is_refused(
    portal: Portal, order: Order, mode: str, status: int, reason: str
) -> None:
    """Refused with a status that makes a genuine sender repeat, nothing moved, one audit line."""
    await order.pay(portal)
    before, start, kept = await order.standing(), await newest_line(), await Notice.all().count()

    [reply] = await portal.control.notify(order.number, mode)
    await portal.run_jobs()

    assert (reply.status, reply.body) == (status, '{"code":"FAIL","message":"失败"}')
    assert await order.standing() == before
    assert await Notice.all().count() == kept
    assert await lines_since(start) == [("callback.refused", reason)]


async def test_the_genuine_one_still_settles_after_the_forgeries(portal: Portal, order: Order) -> None:
    await order.pay(portal)
    for mode in ("forged", "other_merchant", "wrong_amount", "expired", "normal"):
        await portal.control.notify(order.number, mode)
    await portal.run_jobs()
    assert await order.is_settled()
    assert await order.settlements() == 1


@pytest.mark.parametrize(
    ("mode", "verdict", "told"),
    [
        ("wrong_amount", "WRONG_AMOUNT", {"told_fen": 4001, "told_currency": "CNY"}),
        ("wrong_currency", "WRONG_AMOUNT", {"told_fen": 4000, "told_currency": "USD"}),
    ],
)
async def test_a_signed_word_on_another_sum_is_kept_and_settles_nothing(
    portal: Portal, order: Order, mode: str, verdict: str, told: dict[str, object]
) -> None:
    """Acknowledged, for it is WeChat's own; recorded for a person; one audit line with both sums."""
    await order.pay(portal)
    before, start = await order.standing(), await newest_line()
    money, counted = await money_of(order.number), taken("accepted")

    [reply] = await portal.control.notify(order.number, mode)
    await portal.run_jobs()

    assert reply.status == 204
    assert await order.standing() == before
    assert await money_of(order.number) == {**money, "tasks": 1}
    assert taken("accepted") == counted + 1
    assert await lines_since(start) == [("callback.payments.notice", verdict)]
    line = await AuditLine.get(id__gt=start)
    assert line.detail == {"expected_fen": 4000, **told}
    notice = await Notice.get(event_key=line.subject.removeprefix("notice:wechat/"))
    assert notice.state is NoticeState.UNMATCHED


async def test_a_notice_of_an_order_we_never_made_is_kept(portal: Portal, order: Order) -> None:
    await order.pay(portal)
    before, start = await order.standing(), await newest_line()
    [reply] = await portal.control.notify(order.number, "unknown_order")
    await portal.run_jobs()
    assert reply.status == 204
    assert await order.standing() == before
    assert await lines_since(start) == [("callback.payments.notice", "unknown order")]


async def test_a_replay_is_acknowledged_and_does_nothing_twice(portal: Portal, order: Order) -> None:
    await order.pay(portal)
    await portal.control.notify(order.number)
    await portal.run_jobs()
    assert await order.is_settled()
    before, start = await order.standing(), await newest_line()
    money, counted = await money_of(order.number), taken("repeated")

    [reply] = await portal.control.notify(order.number, "replay")
    await portal.run_jobs()

    assert reply.status == 204
    assert await order.standing() == before
    assert await money_of(order.number) == money
    assert taken("repeated") == counted + 1
    assert await lines_since(start) == [("callback.repeated", "ignored")]
    assert await order.settlements() == 1


async def test_the_same_notice_five_times_at_once_settles_once(portal: Portal, order: Order) -> None:
    await order.pay(portal)

    replies = await portal.control.notify(order.number, times=5, parallel=True)
    await portal.run_jobs()

    assert [reply.status for reply in replies] == [204] * 5
    assert await order.is_settled()
    assert await order.settlements() == 1
    [notice] = [one for one in await Notice.filter(topic="payments.notice") if order.number in one.event_key]
    assert (notice.deliveries, notice.state) == (5, NoticeState.HANDLED)
