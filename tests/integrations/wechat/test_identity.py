"""Without this module nobody would know whether residents of WeChat can come in and prove who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.identity.errors import PhoneCodeInvalid, SignInBlocked, SignInCodeInvalid
from app.identity.ports import (
    ChannelIdentity,
    IdentityProver,
    PersonClaim,
    ProofOutcome,
    ProofVerdict,
    SignInChannel,
)
from app.kernel import ports
from app.kernel.errors import ProviderUnavailable, TooManyRequests
from integrations.sandbox.control import Phone, SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected

pytestmark = pytest.mark.usefixtures("door")


def sign_in() -> SignInChannel:
    return ports.get(SignInChannel, "wechat")


def face() -> IdentityProver:
    return ports.get(IdentityProver, "wechat-face")


async def test_a_login_code_names_its_user(control: SandboxControl, sandbox: Sandbox) -> None:
    phone = await control.make_phone()
    identity = await sign_in().exchange(await control.login_code(phone.openid))
    secret = identity.session_secret
    app_id = sandbox.environment["WECHAT_APP_ID"]
    assert identity == ChannelIdentity(app_id, phone.openid, phone.unionid, session_secret=secret)
    assert secret is not None
    assert secret not in repr(identity)


async def test_a_login_code_is_good_once(control: SandboxControl) -> None:
    code = await control.login_code((await control.make_phone()).openid)
    await sign_in().exchange(code)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)


@pytest.mark.parametrize("code", ["", "never-issued", "x&js_code=y", "x" * 600, "中文"])
async def test_a_code_that_is_none_is_refused(code: str) -> None:
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)
    with pytest.raises(PhoneCodeInvalid):
        await sign_in().phone_number(code, "openid")


async def test_a_login_code_dies_after_five_minutes(control: SandboxControl) -> None:
    code = await control.login_code((await control.make_phone()).openid)
    await control.advance_clock(301)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)


async def test_an_account_the_platform_calls_a_risk_stays_outside(control: SandboxControl) -> None:
    phone = await control.make_phone(high_risk=True)
    with pytest.raises(SignInBlocked):
        await sign_in().exchange(await control.login_code(phone.openid))


async def test_too_many_logins_are_told_to_wait(control: SandboxControl) -> None:
    phone = await control.make_phone()
    for _ in range(100):
        await sign_in().exchange(await control.login_code(phone.openid))
    with pytest.raises(TooManyRequests) as refusal:
        await sign_in().exchange(await control.login_code(phone.openid))
    assert refusal.value.retry_after_seconds == 60


async def test_a_wrong_secret_is_our_fault_not_the_residents(control: SandboxControl, sandbox: Sandbox) -> None:
    code = await control.login_code((await control.make_phone()).openid)
    async with connected("wechat", **{**sandbox.environment, "WECHAT_APP_SECRET": "wrong"}):
        with pytest.raises(ProviderUnavailable) as refusal:
            await sign_in().exchange(code)
    assert refusal.value.__notes__ == ["jscode2session: errcode 40125"]


async def test_a_phone_number_comes_bare_however_the_country_is_written(control: SandboxControl) -> None:
    phone = await control.make_phone(mobile="13012345678")
    for _ in ("86 as text", "86 as a number"):
        code = await control.phone_code(phone.openid)
        assert await sign_in().phone_number(code, phone.openid) == "13012345678"


async def test_a_phone_code_is_good_once_and_only_for_its_holder(control: SandboxControl) -> None:
    phone, other = await control.make_phone(), await control.make_phone()
    code = await control.phone_code(phone.openid)
    with pytest.raises(PhoneCodeInvalid):
        await sign_in().phone_number(code, other.openid)
    await sign_in().phone_number(code, phone.openid)
    with pytest.raises(PhoneCodeInvalid):
        await sign_in().phone_number(code, phone.openid)


async def test_a_login_code_is_no_phone_code(control: SandboxControl) -> None:
    phone = await control.make_phone()
    with pytest.raises(PhoneCodeInvalid):
        await sign_in().phone_number(await control.login_code(phone.openid), phone.openid)


async def test_a_token_that_died_meanwhile_is_replaced_unseen(control: SandboxControl) -> None:
    phone = await control.make_phone()
    await sign_in().phone_number(await control.phone_code(phone.openid), phone.openid)
    await control.advance_clock(7201)
    assert await sign_in().phone_number(await control.phone_code(phone.openid), phone.openid) == phone.mobile


async def test_a_platform_that_was_busy_for_a_moment_is_not_noticed(control: SandboxControl) -> None:
    phone = await control.make_phone()
    codes = [await control.login_code(phone.openid) for _ in range(8)]
    await control.be_hostile(seed=3, server_error=0.3)
    through = 0
    for code in codes:
        try:
            await sign_in().exchange(code)
            through += 1
        except ProviderUnavailable:
            continue
    verdicts = [entry.verdict for entry in await control.journal() if "jscode2session" in entry.what]
    assert verdicts.count("ok") == through
    assert any(pair == ("errcode -1", "ok") for pair in pairwise(verdicts))


async def test_a_busy_platform_is_asked_once_more_and_then_called_unavailable(control: SandboxControl) -> None:
    code = await control.login_code((await control.make_phone()).openid)
    await control.be_hostile(server_error=1.0)
    with pytest.raises(ProviderUnavailable):
        await sign_in().exchange(code)
    asked = [entry.what for entry in await control.journal() if "jscode2session" in entry.what]
    assert len(asked) <= 2


async def test_garbage_is_no_answer(control: SandboxControl) -> None:
    code = await control.login_code((await control.make_phone()).openid)
    await control.be_hostile(garbage=1.0)
    with pytest.raises(ProviderUnavailable):
        await sign_in().exchange(code)


async def test_a_face_that_matches_passes(control: SandboxControl) -> None:
    phone = await control.make_phone()
    started = await face().begin("FACE0001", claim_of(phone))
    assert timedelta(minutes=59) < started.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    await control.face(phone.openid, started.ticket)
    outcome = await face().outcome("FACE0001", started.ticket, claim_of(phone))
    assert outcome == ProofOutcome(ProofVerdict.PASSED, "10000")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (10001, ProofVerdict.TECHNICAL),
        (10002, ProofVerdict.NOT_RECOGNISED),
        (10003, ProofVerdict.MISMATCH),
        (10004, ProofVerdict.NOT_RECOGNISED),
        (90001, ProofVerdict.TECHNICAL),
        (90002, ProofVerdict.CANCELLED),
        (90006, ProofVerdict.CANCELLED),
        (90007, ProofVerdict.TECHNICAL),
        (90017, ProofVerdict.TECHNICAL),
        (99999, ProofVerdict.TECHNICAL),
    ],
)
async def test_no_other_code_is_a_pass(control: SandboxControl, code: int, verdict: ProofVerdict) -> None:
    phone = await control.make_phone()
    started = await face().begin("FACE0002", claim_of(phone))
    await control.face(phone.openid, started.ticket, code)
    assert await face().outcome("FACE0002", started.ticket, claim_of(phone)) == ProofOutcome(verdict, str(code))


async def test_a_check_nobody_made_yet_is_pending(control: SandboxControl) -> None:
    phone = await control.make_phone()
    started = await face().begin("FACE0003", claim_of(phone))
    outcome = await face().outcome("FACE0003", started.ticket, claim_of(phone))
    assert outcome.verdict is ProofVerdict.PENDING


async def test_a_check_is_bound_to_its_person_user_and_reference(control: SandboxControl) -> None:
    phone, other = await control.make_phone(), await control.make_phone()
    started = await face().begin("FACE0004", claim_of(phone))
    await control.face(phone.openid, started.ticket)
    for reference, claim in (
        ("FACE0005", claim_of(phone)),
        ("FACE0004", claim_of(other)),
        ("FACE0004", PersonClaim(other.name, other.id_number, phone.openid)),
        ("FACE0004", PersonClaim(phone.name, phone.id_number, other.openid)),
    ):
        outcome = await face().outcome(reference, started.ticket, claim)
        assert outcome.verdict is ProofVerdict.TECHNICAL


async def test_somebody_elses_identity_does_not_pass(control: SandboxControl) -> None:
    phone, other = await control.make_phone(), await control.make_phone()
    claim = PersonClaim(other.name, other.id_number, phone.openid)
    started = await face().begin("FACE0006", claim)
    await control.face(phone.openid, started.ticket)
    assert (await face().outcome("FACE0006", started.ticket, claim)).verdict is ProofVerdict.NOT_RECOGNISED


async def test_a_reference_is_used_once(control: SandboxControl) -> None:
    phone = await control.make_phone()
    await face().begin("FACE0007", claim_of(phone))
    with pytest.raises(ProviderUnavailable):
        await face().begin("FACE0007", claim_of(phone))


async def test_neither_codes_nor_names_nor_tokens_reach_the_log(
    control: SandboxControl, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = await control.make_phone()
    code = await control.login_code(phone.openid)
    await sign_in().exchange(code)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)
    await face().begin("FACE0008", claim_of(phone))
    captured = capsys.readouterr()
    logged = captured.out + captured.err
    assert "jscode2session" in logged
    for secret in (code, phone.name, phone.id_number, phone.openid, "access_token", "session_key"):
        assert secret not in logged


def claim_of(phone: Phone) -> PersonClaim:
    return PersonClaim(phone.name, phone.id_number, phone.openid)
