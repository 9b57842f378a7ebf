"""Without this module Alipay would never fail in the tests: every way it fails, by seed and per method."""

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from integrations.sandbox.control import AlipayUser, SandboxControl
from tests.integrations.sandbox.alipay_app import GATEWAY, AlipayApp, taken_apart

TOKEN = "alipay.system.oauth.token"
TWO = "datadigital.fincloud.generalsaas.twometa.check"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> AlipayApp:
    return AlipayApp(env, client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


async def call(app: AlipayApp, method: str = TWO, **parameters: str) -> httpx.Response:
    return await app.client.post(GATEWAY, data=app.signed(app.common(method, **parameters)))


async def fates(app: AlipayApp, control: SandboxControl, beside: str = "") -> list[str]:
    """How 24 calls of one method end, with others in between."""
    for _ in range(24):
        await call(app)
        if beside:
            await call(app, beside)
    return [entry.fate for entry in await control.journal() if entry.what == f"POST {GATEWAY} {TWO}"]


async def test_every_method_has_its_own_sequence_of_faults(app: AlipayApp, control: SandboxControl) -> None:
    await control.be_hostile(seed=7, server_error=0.4)
    first = await fates(app, control)
    await control.reset()
    await control.be_hostile(seed=7, server_error=0.4)
    assert await fates(app, control, beside=TOKEN) == first
    assert set(first) == {"", "server_error"}


async def test_a_busy_gateway_answers_in_three_ways(app: AlipayApp, control: SandboxControl) -> None:
    await control.be_hostile(seed=1, server_error=1)
    answers = [await call(app) for _ in range(24)]
    pages = [answer for answer in answers if answer.status_code == 502]
    told = [taken_apart(answer.text) for answer in answers if answer.status_code == 200]
    assert pages
    assert pages[0].headers["content-type"] == "text/html"
    assert {(one.node, one.content["code"]) for one in told} == {
        ("error_response", "20000"),
        (TWO.replace(".", "_") + "_response", "40005"),
    }
    for one in told:
        app.verify(one)


async def test_an_error_may_come_after_the_code_was_used(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    code = await control.alipay_auth_code(user.open_id)
    await control.be_hostile(seed=1, server_error=1)
    await call(app, TOKEN, grant_type="authorization_code", code=code)
    await control.be_kind()
    granted = await app.granted(TOKEN, grant_type="authorization_code", code=code)
    assert granted["open_id"] == user.open_id
    code = await control.alipay_auth_code(user.open_id)
    await control.be_hostile(seed=1, error_after_effect=1)
    await call(app, TOKEN, grant_type="authorization_code", code=code)
    await control.be_kind()
    told = await app.ask(TOKEN, grant_type="authorization_code", code=code)
    assert told.sub_code == "40002 isv.code-invalid"


async def test_an_answer_may_be_cut_replaced_missigned_or_late(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    await control.be_hostile(seed=3, garbage=1)
    for _ in range(8):
        answer = await call(app)
        assert answer.status_code == 200
        with pytest.raises(ValueError, match=r".+"):
            answer.json()
    await control.be_hostile(seed=3, garbage=0, sign_test=1)
    told = taken_apart((await call(app)).text)
    assert len(told.sign or "") == 344
    with pytest.raises(InvalidSignature):
        app.verify(told)
    await control.be_hostile(seed=3, sign_test=0, timeout=1, timeout_seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        await app.client.post(GATEWAY, data=app.signed(app.common(TWO)), timeout=0.2)
