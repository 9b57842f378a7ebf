"""Without this module nobody would know whether residents of Alipay can come in and prove who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.identity.errors import SignInCodeInvalid
from app.identity.ports import (
    ChannelIdentity,
    IdentityAuthority,
    IdentityProver,
    PersonClaim,
    ProofOutcome,
    ProofVerdict,
    SignInChannel,
)
from app.kernel import ports
from app.kernel.errors import ProviderUnavailable, TooManyRequests
from integrations.alipay.identity import AlipayFace, AlipaySignIn, AlipayTwoFactor
from integrations.alipay.phone_numbers import PhoneNumbers
from integrations.sandbox.control import AlipayUser, SandboxControl
from tests.integrations.alipay.scripted import Scripted, signed
from tests.integrations.contract.stage import Sandbox, connected

MODES = ("key", "certificates", "renewed certificate", "encrypted")
CLAIM = PersonClaim("测试居民甲", "11010119900101000X", "openid")


@pytest.fixture(params=MODES)
async def _wired(
    request: pytest.FixtureRequest, sandbox: Sandbox, certificate_mode: dict[str, str], control: SandboxControl
) -> AsyncIterator[None]:
    """Our side, wired in every mode in which Alipay can be spoken to."""
    by_key = {name: value for name, value in sandbox.environment.items() if name.startswith("ALIPAY_")}
    environment = {
        "key": by_key,
        "certificates": certificate_mode,
        "renewed certificate": certificate_mode,
        "encrypted": {**by_key, "ALIPAY_ENCRYPT_REQUESTS": "true"},
    }[request.param]
    await control.be_hostile(alipay_new_certificate=request.param == "renewed certificate")
    async with connected("alipay", **environment):
        yield


def sign_in() -> SignInChannel:
    return ports.get(SignInChannel, "alipay")


def face() -> IdentityProver:
    return ports.get(IdentityProver, "alipay-face")


def authority() -> IdentityAuthority:
    return ports.get(IdentityAuthority, "alipay-two-factor")


@pytest.mark.usefixtures("_wired")
async def test_a_resident_signs_in_and_proves_who_they_are_in_every_mode(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    user = await control.add_alipay_user()
    identity = await sign_in().exchange(await control.alipay_auth_code(user.open_id))
    assert identity == ChannelIdentity(sandbox.environment["ALIPAY_APP_ID"], user.open_id)
    match = await authority().check("TWO0001", claim_of(user))
    assert match == ProofOutcome(ProofVerdict.PASSED, "T")
    started = await face().begin("FACE0001", claim_of(user))
    assert await control.look_into_certify(started.ticket, user.open_id) == "9000"
    outcome = await face().outcome("FACE0001", started.ticket, claim_of(user))
    assert outcome == ProofOutcome(ProofVerdict.PASSED, "T")


@pytest.mark.parametrize(
    ("told", "has_open_id", "has_user_id"), [("open_id", True, False), ("both", True, True), ("user_id", False, True)]
)
@pytest.mark.usefixtures("door")
async def test_newer_moving_and_older_apps_name_their_users_differently(
    control: SandboxControl, sandbox: Sandbox, told: str, has_open_id: bool, has_user_id: bool
) -> None:
    await control.be_hostile(alipay_ids=told)
    user = await control.add_alipay_user()
    identity = await sign_in().exchange(await control.alipay_auth_code(user.open_id))
    assert identity == ChannelIdentity(
        sandbox.environment["ALIPAY_APP_ID"],
        user.open_id if has_open_id else user.user_id,
        user_id=user.user_id if has_user_id else None,
    )


@pytest.mark.usefixtures("door")
async def test_a_login_code_is_good_once(control: SandboxControl) -> None:
    code = await control.alipay_auth_code((await control.add_alipay_user()).open_id)
    await sign_in().exchange(code)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)


@pytest.mark.usefixtures("door")
async def test_a_login_code_dies_after_five_minutes(control: SandboxControl) -> None:
    code = await control.alipay_auth_code((await control.add_alipay_user()).open_id)
    await control.advance_clock(301)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)


@pytest.mark.parametrize("code", ["", "never-issued", "x&app_id=y", "x" * 600, "中文 +%"])
@pytest.mark.usefixtures("door")
async def test_a_code_that_is_none_is_refused(code: str) -> None:
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)


@pytest.mark.usefixtures("door")
async def test_garbage_and_wrong_signatures_are_no_answer(control: SandboxControl) -> None:
    for hostility in ({"garbage": 1.0}, {"sign_test": 1.0}):
        code = await control.alipay_auth_code((await control.add_alipay_user()).open_id)
        await control.be_hostile(**hostility)
        with pytest.raises(ProviderUnavailable):
            await sign_in().exchange(code)
        await control.be_kind()


@pytest.mark.usefixtures("door")
async def test_a_failing_gateway_is_asked_about_a_login_code_only_once(control: SandboxControl) -> None:
    code = await control.alipay_auth_code((await control.add_alipay_user()).open_id)
    await control.be_hostile(server_error=1.0)
    with pytest.raises((ProviderUnavailable, TooManyRequests)):
        await sign_in().exchange(code)
    assert len([entry for entry in await control.journal() if "oauth.token" in entry.what]) == 1


@pytest.mark.usefixtures("door")
async def test_a_face_check_begins_with_a_page_and_an_hour(control: SandboxControl) -> None:
    user = await control.add_alipay_user()
    started = await face().begin("FACE0002", claim_of(user))
    assert timedelta(minutes=59) < started.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert started.url is not None
    assert parse_qs(urlsplit(started.url).query)["biz_content"] == [f'{{"certify_id":"{started.ticket}"}}']
    async with httpx.AsyncClient(trust_env=False) as phone:
        assert (await phone.get(started.url)).status_code == 200
        assert (await phone.get(started.url.replace(started.ticket, "0" * 32))).status_code == 200
    [check] = await control.certifications()
    assert (check.outer_order_no, check.cert_name, check.opened) == ("FACE0002", user.name, 1)


@pytest.mark.parametrize(
    ("done", "outcome"),
    [
        ("pass", ProofOutcome(ProofVerdict.PASSED, "T")),
        ("fail", ProofOutcome(ProofVerdict.NOT_RECOGNISED, "F 人脸与证件信息不一致")),
        ("cancel", ProofOutcome(ProofVerdict.PENDING, "")),
        ("never", ProofOutcome(ProofVerdict.PENDING, "")),
    ],
)
@pytest.mark.usefixtures("door")
async def test_a_face_check_ends_as_the_gateway_says(control: SandboxControl, done: str, outcome: ProofOutcome) -> None:
    user = await control.add_alipay_user()
    started = await face().begin("FACE0003", claim_of(user))
    assert (await face().outcome("FACE0003", started.ticket, claim_of(user))).verdict is ProofVerdict.PENDING
    await control.finish_certify(started.ticket, done)
    assert await face().outcome("FACE0003", started.ticket, claim_of(user)) == outcome


@pytest.mark.usefixtures("door")
async def test_somebody_elses_face_does_not_pass(control: SandboxControl) -> None:
    user, other = await control.add_alipay_user(), await control.add_alipay_user()
    started = await face().begin("FACE0004", claim_of(user))
    await control.look_into_certify(started.ticket, other.open_id)
    outcome = await face().outcome("FACE0004", started.ticket, claim_of(user))
    assert outcome.verdict is ProofVerdict.NOT_RECOGNISED


@pytest.mark.usefixtures("door")
async def test_a_check_the_gateway_does_not_know_never_passes(control: SandboxControl) -> None:
    outcome = await face().outcome("FACE0005", "0" * 32, CLAIM)
    assert outcome == ProofOutcome(ProofVerdict.PENDING, "CERTIFY_ID_NOT_EXIST")


@pytest.mark.usefixtures("door")
async def test_a_reference_is_used_once(control: SandboxControl) -> None:
    user = await control.add_alipay_user()
    await face().begin("FACE0006", claim_of(user))
    with pytest.raises(ProviderUnavailable):
        await face().begin("FACE0006", claim_of(user))
    assert len(await control.certifications()) == 1


@pytest.mark.parametrize(
    ("node", "verdict", "raw_code"),
    [
        ('{"code":"10000","passed":["T"]}', ProofVerdict.PENDING, ""),
        ('{"code":"10000","passed":true}', ProofVerdict.PENDING, ""),
        ('{"code":"10000","passed":"t"}', ProofVerdict.PENDING, ""),
        ('{"code":"10000"}', ProofVerdict.PENDING, ""),
        ('{"code":"40004","sub_code":"NOT_DONE","passed":"T"}', ProofVerdict.PENDING, "NOT_DONE"),
        ('{"code":"10000","passed":"F","fail_reason":"用户取消"}', ProofVerdict.CANCELLED, "F 用户取消"),
        ('{"code":"10000","passed":"F","fail_reason":"姓名与证件号不符"}', ProofVerdict.MISMATCH, "F 姓名与证件号不符"),
        ('{"code":"10000","passed":"F","fail_reason":"Z1147"}', ProofVerdict.NOT_RECOGNISED, "F Z1147"),
    ],
)
async def test_nothing_but_a_plain_t_is_a_pass(
    stage: Scripted, node: str, verdict: ProofVerdict, raw_code: str
) -> None:
    stage.answering = lambda form: signed(stage.alipay_key, form["method"], node)
    outcome = await AlipayFace(stage.gateway, "https://portal.test").outcome("FACE0007", "ticket", CLAIM)
    assert outcome == ProofOutcome(verdict, raw_code)


@pytest.mark.parametrize("code", ["20000", "40002", "40003", "40005", "40006"])
async def test_a_refusal_of_ourselves_is_no_verdict(stage: Scripted, code: str) -> None:
    stage.answering = lambda _: f'{{"error_response":{{"code":"{code}","sub_code":"isv.x"}}}}'
    prover = AlipayFace(stage.gateway, "https://portal.test")
    for asking in (prover.begin("FACE0008", CLAIM), prover.outcome("FACE0008", "ticket", CLAIM)):
        with pytest.raises(ProviderUnavailable):
            await asking


async def test_too_many_questions_are_told_to_wait(stage: Scripted) -> None:
    stage.answering = lambda _: '{"error_response":{"code":"40005","sub_code":"isv.app-call-limited"}}'
    channel = AlipaySignIn(stage.gateway, PhoneNumbers(stage.gateway.trust, None), "2021")
    for asking in (channel.exchange("code"), AlipayTwoFactor(stage.gateway, "X").check("TWO", CLAIM)):
        with pytest.raises(TooManyRequests) as refusal:
            await asking
        assert refusal.value.retry_after_seconds == 60


@pytest.mark.parametrize("node", ['{"access_token":"x"}', '{"open_id":""}', '{"open_id":7}', '{"sub_code":"x"}'])
async def test_an_answer_that_names_nobody_is_none(stage: Scripted, node: str) -> None:
    stage.answering = lambda form: signed(stage.alipay_key, form["method"], node)
    with pytest.raises(ProviderUnavailable):
        await AlipaySignIn(stage.gateway, PhoneNumbers(stage.gateway.trust, None), "2021").exchange("code")


@pytest.mark.usefixtures("door")
async def test_a_name_and_a_number_match_or_they_do_not(control: SandboxControl) -> None:
    user, other = await control.add_alipay_user(), await control.add_alipay_user()
    mixed = PersonClaim(user.name, other.id_number, user.open_id)
    assert await authority().check("TWO0002", mixed) == ProofOutcome(ProofVerdict.MISMATCH, "F")
    assert await authority().check("TWO0003", claim_of(user)) == ProofOutcome(ProofVerdict.PASSED, "T")
    assert authority().level == 2


@pytest.mark.parametrize("match", ['""', "null", '"?"', "1"])
async def test_a_match_that_says_neither_is_no_answer(stage: Scripted, match: str) -> None:
    stage.answering = lambda form: signed(stage.alipay_key, form["method"], f'{{"code":"10000","match":{match}}}')
    with pytest.raises(ProviderUnavailable):
        await AlipayTwoFactor(stage.gateway, "X").check("TWO0004", CLAIM)


@pytest.mark.usefixtures("door")
async def test_neither_codes_nor_names_nor_tokens_reach_the_log(
    control: SandboxControl, capsys: pytest.CaptureFixture[str]
) -> None:
    user = await control.add_alipay_user()
    code = await control.alipay_auth_code(user.open_id)
    await sign_in().exchange(code)
    with pytest.raises(SignInCodeInvalid):
        await sign_in().exchange(code)
    started = await face().begin("FACE0009", claim_of(user))
    with pytest.raises(ProviderUnavailable):
        await face().begin("FACE0009", claim_of(user))
    await authority().check("TWO0005", claim_of(user))
    captured = capsys.readouterr()
    logged = captured.out + captured.err
    assert "alipay.system.oauth.token" in logged
    for secret in (code, user.name, user.id_number, user.open_id, started.ticket, "authbse", "access_token", "sign="):
        assert secret not in logged


def claim_of(user: AlipayUser) -> PersonClaim:
    return PersonClaim(user.name, user.id_number, user.open_id)
