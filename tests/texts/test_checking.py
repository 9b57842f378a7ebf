"""What residents write is judged by the platform they write it in, and a platform that fails holds nobody up."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.identity.models import Session
from app.kernel import db
from app.kernel.actor import Principal
from app.kernel.redis import redis
from app.payments.models import Refund
from app.payments.refunds.promising import let_go, promise_again
from app.payments.refunds.queries import lock_promise
from app.texts.checking import check
from app.texts.models import TextCheck
from app.texts.rules import TextKind, TextStanding
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import make_paid
from tests.people import until
from tests.portal import Portal
from tests.texts.stage import BAD, DOUBTED, FINE, Writer, actor_of, claimant, in_alipay, in_wechat, outside, waiting

LATE_ANSWER = 3
"""With this seed the sandbox does its work first and is silent then."""

EACH = pytest.mark.parametrize("what", ["appeal", "refund"])


@pytest.fixture(autouse=True)
async def kind_platform(portal: Portal) -> AsyncIterator[None]:
    yield
    await portal.control.be_kind()
    await portal.control.text_door("open", left=2_000_000)


async def asked(portal: Portal, writer: Writer) -> int:
    return len(await portal.control.texts_judged(writer.openid))


# What the platform says


@EACH
async def test_what_passes_is_read_by_who_decides(portal: Portal, what: str) -> None:
    writer = await in_wechat(portal, what)
    assert "code" not in await writer.write(FINE)
    assert await writer.standing() == [("PASSED", "NONE", "wechat")]
    assert await writer.read() == (FINE, "PASSED")
    [check_] = await writer.checks()
    assert (check_.text_sealed, bool(check_.trace)) == (None, True)


@EACH
async def test_what_is_doubted_is_accepted_marked_and_waits_for_a_person(portal: Portal, what: str) -> None:
    writer = await in_wechat(portal, what)
    assert "code" not in await writer.write(DOUBTED)
    assert await writer.standing() == [("REVIEW", "FRAUD", "wechat")]
    assert await writer.read() == (DOUBTED, "REVIEW")
    [check_] = await writer.checks()
    assert DOUBTED not in (check_.text_sealed or "")
    [listed] = [one for one in await waiting(writer.reader) if one["id"] == str(check_.id)]
    assert (listed["written"], listed["standing"], listed["concern"]) == (DOUBTED, "REVIEW", "FRAUD")


@EACH
async def test_what_is_risky_is_refused_naming_the_argument_and_nothing_moves(portal: Portal, what: str) -> None:
    writer = await in_wechat(portal, what)
    async with nothing_moves("session"):
        refused = await writer.write(BAD)
    assert (refused["code"], refused["field"]) == ("TEXT_NOT_ALLOWED", writer.argument)
    assert refused["message"].startswith("这段文字没有通过内容安全检查,请修改后再提交")
    assert "code" not in await writer.write(FINE)  # under the same idempotency key, too
    assert await writer.standing() == [("PASSED", "NONE", "wechat")]


@EACH
async def test_outside_of_any_host_app_nobody_is_asked_and_the_staff_see_it(portal: Portal, what: str) -> None:
    writer = await outside(portal, what)
    assert "code" not in await writer.write(BAD)
    assert await writer.standing() == [("UNCHECKED", "UNANSWERED", "")]
    assert await writer.read() == (BAD, "UNCHECKED")
    [check_] = await writer.checks()
    assert check_.text_sealed is None
    assert str(check_.id) not in [one["id"] for one in await waiting(writer.reader)]


@pytest.mark.parametrize(
    ("text", "standing"),
    [(FINE, ("PASSED", "NONE", "alipay")), (DOUBTED, ("REVIEW", "OTHER", "alipay")), (BAD, None)],
)
async def test_in_alipay_alipay_is_asked(portal: Portal, text: str, standing: tuple[str, str, str] | None) -> None:
    writer = await in_alipay(portal)
    answer = await writer.write(text)
    if standing is None:
        assert (answer["code"], answer["field"]) == ("TEXT_NOT_ALLOWED", "grounds")
    assert await writer.standing() == ([standing] if standing else [])
    assert (await portal.control.alipay_texts_judged())[-1]["body"] == f'{{"content":"{text}"}}'


# A platform that fails


@EACH
@pytest.mark.parametrize("how", ["server_error", "garbage", "error_after_effect"])
async def test_a_platform_that_fails_costs_a_review_and_no_more(portal: Portal, what: str, how: str) -> None:
    """The text is a risky one: without an answer it is a person's to judge."""
    writer = await in_wechat(portal, what)
    await portal.control.be_hostile(**{how: 1.0})
    assert "code" not in await writer.write(BAD)
    assert await writer.standing() == [("REVIEW", "UNANSWERED", "wechat")]
    [check_] = await writer.checks()
    assert [one["written"] for one in await waiting(writer.reader) if one["id"] == str(check_.id)] == [BAD]


@pytest.mark.parametrize("how", ["server_error", "garbage"])
async def test_an_alipay_that_fails_costs_a_review_and_no_more(portal: Portal, how: str) -> None:
    writer = await in_alipay(portal)
    await portal.control.be_hostile(**{how: 1.0})
    assert "code" not in await writer.write(BAD)
    assert await writer.standing() == [("REVIEW", "UNANSWERED", "alipay")]


@EACH
async def test_a_platform_that_hangs_does_not_hang_the_resident(portal: Portal, what: str) -> None:
    """It would say "pass" after five seconds, which the transport would wait for; nobody writing does."""
    writer = await in_wechat(portal, what)
    [*_, last] = await portal.control.journal()
    await portal.control.be_hostile(seed=LATE_ANSWER, timeout=1.0, timeout_seconds=5.0)
    assert "code" not in await writer.write(FINE)
    assert await writer.standing() == [("REVIEW", "UNANSWERED", "wechat")]

    async def noted() -> list[tuple[str, str]]:
        calls = [one for one in await portal.control.journal(last.id) if one.what == "POST /wxa/msg_sec_check"]
        return [(one.fate, one.verdict) for one in calls]

    assert await until(noted, what="the sandbox to see that we hung up") == [("timeout", "ok")]


@pytest.mark.parametrize("state", ["busy", "unauthorised", "quota", "away"])
async def test_a_platform_that_will_not_judge_leaves_it_to_a_person(portal: Portal, state: str) -> None:
    writer = await in_wechat(portal, "appeal")
    if state == "quota":
        await portal.control.text_door(left=0)
    elif state == "away":
        await portal.control.leave_phone_alone(writer.openid, 2 * 3600 + 1)
    else:
        await portal.control.text_door(state)
    assert "code" not in await writer.write(BAD)
    assert await writer.standing() == [("REVIEW", "UNANSWERED", "wechat")]
    assert await asked(portal, writer) == 0


async def test_a_token_that_has_ended_is_replaced_once(portal: Portal) -> None:
    writer = await in_wechat(portal, "appeal")
    shared = f"wechat:token:{os.environ['WECHAT_APP_ID']}"
    await redis().set(shared, "10_ended")
    [*_, last] = await portal.control.journal()
    assert "code" not in await writer.write(FINE)
    assert await writer.standing() == [("PASSED", "NONE", "wechat")]
    calls = [one.what for one in await portal.control.journal(last.id) if one.direction == "request"]
    assert calls == ["POST /wxa/msg_sec_check", "POST /cgi-bin/stable_token", "POST /wxa/msg_sec_check"]
    assert await redis().get(shared) != "10_ended"


# Bits, repeats, crowds, others


async def test_the_text_goes_out_as_it_is_without_escapes(portal: Portal) -> None:
    text = "“申诉”\\理由/\n第二行 é 🌧 𠮷"
    writer = await in_wechat(portal, "appeal")
    await writer.write(text)
    [sent] = await portal.control.texts_judged(writer.openid)
    quoted = text.replace("\\", "\\\\").replace("\n", "\\n")
    assert sent["body"] == f'{{"version":2,"openid":"{writer.openid}","scene":2,"content":"{quoted}"}}'


@EACH
async def test_the_same_request_again_asks_nobody_again(portal: Portal, what: str) -> None:
    writer = await in_wechat(portal, what)
    first = await writer.write(FINE)
    assert [await writer.write(FINE), await writer.write(f" {FINE} ")] == [first, first]
    other = await writer.write(BAD)
    assert other["code"] == ("APPEAL_INVALID" if what == "appeal" else "IDEMPOTENCY_KEY_REUSED")
    assert (await asked(portal, writer), await writer.standing()) == (1, [("PASSED", "NONE", "wechat")])


@EACH
async def test_twenty_at_once_are_one_and_leave_one_check(portal: Portal, what: str) -> None:
    writer = await in_wechat(portal, what)
    me = (await actor_of(writer.caller)).own_id()
    answers = await at_once(*(writer.write(DOUBTED) for _ in range(20)))
    assert len({answer["id"] for answer in answers if isinstance(answer, dict)}) == 1
    assert await writer.standing() == [("REVIEW", "FRAUD", "wechat")]
    assert await TextCheck.filter(resident_id=me).count() == 1


@EACH
async def test_about_somebody_elses_matter_no_platform_is_asked(portal: Portal, what: str) -> None:
    writer, stranger = await in_wechat(portal, what), await portal.phone(proven=False)
    async with nothing_moves("session"):
        answer = await stranger.do(writer.operation, **{**writer.variables, writer.argument: FINE})
    assert answer["code"] == "NOT_FOUND"
    assert await portal.control.texts_judged(stranger.person.openid) == []


async def test_words_of_the_staff_and_no_words_are_not_judged(portal: Portal) -> None:
    paid = await make_paid(portal, 60000)
    desk = await claimant(portal, paid, await caller_of(portal, paid.cashier))
    made = await desk.write("柜台说明", reason="OTHER")
    assert (made["remark"], made["remarkStanding"]) == ("柜台说明", None)
    writer = await in_wechat(portal, "refund")
    silent = await writer.write("  ")
    assert (silent["remark"], silent["remarkStanding"]) == ("", None)
    assert (await desk.standing(), await writer.standing(), await asked(portal, writer)) == ([], [], 0)


async def test_who_writes_for_another_is_the_one_who_writes(portal: Portal) -> None:
    """Their host app judges it under their own name."""
    phone = await portal.phone(proven=False)
    agent = await actor_of(phone)
    session = await Session.get(resident_id=agent.id)
    principal = Principal((await make_resident()).own_id(), session.id, "PROXY")
    acting = replace(agent, session_id=session.id, principal=principal)
    found = await check(acting, TextKind.REFUND_REMARK, FINE)
    assert (found.writer, found.standing, found.provider) == (agent.id, TextStanding.PASSED, "wechat")
    assert len(await portal.control.texts_judged(phone.person.openid)) == 1


async def test_a_refund_that_starts_again_keeps_the_standing_of_its_words(portal: Portal) -> None:
    writer = await in_wechat(portal, "refund")
    made = await writer.write(DOUBTED)
    first = await Refund.get(id=made["id"])
    async with db.transaction():
        promise = await lock_promise(first.id)
        await let_go(promise, entered=False)
        again = await promise_again(promise)
    assert (again.remark, again.remark_check_id) == (DOUBTED, first.remark_check_id)
    assert first.remark_check_id is not None
