"""Without this module Alipay's face check could pass by itself: it is begun, done, asked about and bounded."""

from typing import Any

import httpx
import pytest

from integrations.sandbox.control import AlipayUser, Certification, ControlRefused, SandboxControl
from tests.integrations.sandbox.alipay_app import AlipayApp

INITIALIZE = "alipay.user.certify.open.initialize"
CERTIFY = "alipay.user.certify.open.certify"
QUERY = "alipay.user.certify.open.query"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> AlipayApp:
    return AlipayApp(env, client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


def asked(user: AlipayUser, outer_order_no: str, **person: str) -> dict[str, Any]:
    info = {"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD"}
    info |= {"cert_name": user.name, "cert_no": user.id_number}
    config = {"return_url": "https://portal.example/back"}
    return {
        "outer_order_no": outer_order_no,
        "biz_code": "FACE",
        "identity_param": info | person,
        "merchant_config": config,
    }


async def begin(app: AlipayApp, user: AlipayUser, number: str = "A1", **person: str) -> str:
    return str((await app.granted(INITIALIZE, asked(user, number, **person)))["certify_id"])


async def result(app: AlipayApp, certify_id: str) -> tuple[str, bool]:
    told = await app.granted(QUERY, {"certify_id": certify_id})
    return told["passed"], "fail_reason" in told


async def test_a_face_check_passes_only_after_it_was_done(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    certify_id = await begin(app, user)
    assert await result(app, certify_id) == ("F", False)
    assert await control.finish_certify(certify_id) == "9000"
    assert await result(app, certify_id) == ("T", False)
    expected = Certification(certify_id, "A1", user.name, opened=0, outcome="pass", expired=False)
    assert await control.certifications() == [expected]


async def test_a_failed_check_gives_a_reason_and_stays_failed(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    certify_id = await begin(app, user)
    assert await control.finish_certify(certify_id, "fail") == "4000"
    assert await result(app, certify_id) == ("F", True)
    with pytest.raises(ControlRefused, match="already done"):
        await control.finish_certify(certify_id)
    assert await result(app, certify_id) == ("F", True)


async def test_who_cancels_or_never_comes_back_may_still_do_it(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    certify_id = await begin(app, user)
    assert await control.finish_certify(certify_id, "cancel") == "6001"
    assert await control.finish_certify(certify_id, "never") == ""
    assert await result(app, certify_id) == ("F", False)
    assert await control.finish_certify(certify_id) == "9000"
    assert await result(app, certify_id) == ("T", False)


async def test_somebody_elses_face_does_not_pass(app: AlipayApp, control: SandboxControl, user: AlipayUser) -> None:
    other = await control.add_alipay_user()
    certify_id, wrong_name = await begin(app, user), await begin(app, user, "A2", cert_name="别人")
    assert await control.look_into_certify(certify_id, other.open_id) == "4000"
    assert await control.look_into_certify(wrong_name, user.open_id) == "4000"
    right = await begin(app, user, "A3")
    assert await control.look_into_certify(right, user.open_id) == "9000"


async def test_the_signed_address_shows_a_page_and_a_changed_one_does_not(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    certify_id = await begin(app, user)
    url = app.page_url(CERTIFY, {"certify_id": certify_id})
    page = await app.client.get(url)
    assert page.headers["content-type"] == "text/html;charset=utf-8"
    assert user.name in page.text
    assert user.id_number not in page.text
    assert [f'data-outcome="{outcome}"' in page.text for outcome in ("pass", "fail", "cancel", "never")] == [True] * 4
    assert (await app.client.get("/__page/certify.js")).status_code == 200
    changed = await app.client.get(url.replace(certify_id, "0" * 32))
    assert changed.json()["error_response"]["sub_code"] == "isv.invalid-signature"
    assert [one.opened for one in await control.certifications()] == [1]


async def test_a_certify_id_ends_after_23_hours(app: AlipayApp, control: SandboxControl, user: AlipayUser) -> None:
    certify_id = await begin(app, user)
    await control.advance_clock(23 * 3600 + 1)
    told = await app.ask(QUERY, {"certify_id": certify_id})
    assert (told.node, told.sub_code) == (
        "alipay_user_certify_open_query_response",
        "40004 CERTIFY_ID_EXPIRED",
    )
    with pytest.raises(ControlRefused, match="23 hours"):
        await control.finish_certify(certify_id)
    assert [(one.outcome, one.expired) for one in await control.certifications()] == [("", True)]


async def test_wrong_requests_begin_nothing(app: AlipayApp, control: SandboxControl, user: AlipayUser) -> None:
    last = user.id_number[-1]
    wrong = [
        asked(user, "A-1"),
        asked(user, ""),
        asked(user, "A" * 33),
        asked(user, "A1") | {"biz_code": "VOICE"},
        asked(user, "A1") | {"identity_param": None},
        asked(user, "A1", cert_type="PASSPORT"),
        asked(user, "A1", cert_name=""),
        asked(user, "A1", cert_no=user.id_number[:-1] + ("1" if last == "0" else "0")),
    ]
    told = [(await app.ask(INITIALIZE, content)).sub_code for content in wrong]
    assert told == ["40004 INVALID_PARAMETER"] * len(wrong)
    assert await control.certifications() == []


async def test_an_order_number_begins_one_check_only(app: AlipayApp, control: SandboxControl, user: AlipayUser) -> None:
    await begin(app, user)
    told = await app.ask(INITIALIZE, asked(user, "A1"))
    assert told.sub_code == "40004 OUTER_ORDER_NO_REPEATED"
    assert (await app.ask(QUERY, {"certify_id": "0" * 32})).sub_code == "40004 CERTIFY_ID_NOT_EXIST"
    assert len(await control.certifications()) == 1
