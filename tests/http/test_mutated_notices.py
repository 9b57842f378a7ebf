"""Without this module a notice changed in one place could get past the door that only saw the lies we thought of."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest
from prometheus_client import REGISTRY

from app.kernel.audit import AuditLine
from app.kernel.callbacks import RawCallback
from app.kernel.inbox.notices import Notice
from tests.http.stage import newest_line, open_order
from tests.integrations.alipay.mutations import MUTATIONS as ALIPAY_MUTATIONS
from tests.integrations.alipay.mutations import says
from tests.integrations.wechat.mutations import MUTATIONS as WECHAT_MUTATIONS
from tests.payments.alipay_stage import make_alipay_payer
from tests.payments.standing import money_of
from tests.portal import Portal

Mutations = list[Callable[[RawCallback, random.Random], RawCallback]]
TIMES = 1000


@pytest.fixture
async def quiet(portal: Portal) -> AsyncIterator[Portal]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield portal
    await portal.run_jobs()
    await portal.control.be_kind()


async def test_a_thousand_mutations_of_wechat_s_word_move_nothing(quiet: Portal) -> None:
    order = await open_order(quiet)
    await order.pay(quiet)
    await quiet.control.notify(order.number)
    await quiet.run_jobs()
    assert await order.settlements() == 1
    true = await told_last("wechat")
    answers = await refuse_all(quiet, true, WECHAT_MUTATIONS, order.number)
    assert {status for status, _ in answers} <= {400, 401}
    assert {body for _, body in answers} == {'{"code":"FAIL","message":"失败"}'}


async def test_a_thousand_mutations_of_alipay_s_word_move_nothing(quiet: Portal) -> None:
    payer = await make_alipay_payer(quiet)
    number = await payer.pays()
    await quiet.control.notify_trade(number)
    await quiet.run_jobs()
    assert await payer.is_settled()
    true = await told_last("alipay")
    answers = await refuse_all(quiet, true, ALIPAY_MUTATIONS, number)
    assert set(answers) == {(400, "fail")}


async def told_last(provider: str) -> RawCallback:
    """The newest genuine notice as it stands in the inbox, byte by byte."""
    notice = await Notice.filter(provider=provider).order_by("-received_at").first()
    assert notice is not None
    return RawCallback(provider, "payment", notice.raw_headers, {}, bytes(notice.raw_body))


async def refuse_all(portal: Portal, true: RawCallback, mutations: Mutations, order_no: str) -> list[tuple[int, str]]:
    """Every answer to a thousand different lies; none may be kept, move money or go uncounted."""
    source = random.Random(20261126)  # noqa: S311 - repeatable on purpose
    answers: list[tuple[int, str]] = []
    before, kept, counted, start = await money_of(order_no), await _kept(), _counted(true.provider), await newest_line()
    async with httpx.AsyncClient(base_url=portal.url, timeout=30.0) as stranger:
        while len(answers) < TIMES:
            false = source.choice(mutations)(true, source)
            if (says(false), false.headers) != (says(true), true.headers):
                answers.append(await _send(stranger, false))
    await portal.run_jobs()
    assert await money_of(order_no) == before
    assert await _kept() == kept
    assert _counted(true.provider) == counted + TIMES
    acts = {line.act for line in await AuditLine.filter(id__gt=start)}
    # Sixty a minute of one address are written down, all are counted. A hold of another test may end meanwhile.
    assert acts <= {"callback.refused", "booking.expired"}
    return answers


async def _send(stranger: httpx.AsyncClient, false: RawCallback) -> tuple[int, str]:
    own = {"host", "content-length", "connection", "accept-encoding"}
    headers = [(n.encode(), v.strip().encode("latin-1")) for n, v in false.headers.items() if n not in own]
    url = f"/callbacks/{false.provider}/payment"
    response = await stranger.post(url, content=false.body, headers=headers)
    return response.status_code, response.text


async def _kept() -> list[tuple[object, int]]:
    return [(notice.id, notice.deliveries) for notice in await Notice.all().order_by("id")]


def _counted(provider: str) -> float:
    labels = {"provider": provider, "kind": "payment", "verdict": "refused"}
    return REGISTRY.get_sample_value("portal_callbacks_total", labels) or 0.0


def test_a_form_spelled_in_another_way_is_the_same_word() -> None:
    """What the mutations above leave out: it says nothing else."""
    raw = RawCallback("alipay", "payment", {}, {}, b"a=%2b&b=")
    assert says(raw) == says(replace(raw, body=b"b=&a=%2B"))
