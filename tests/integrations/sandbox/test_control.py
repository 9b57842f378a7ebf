"""Without this module the journal could give secrets away and a mistaken control call could fail in riddles."""

import json

import httpx
import pytest

from integrations.sandbox.control import ControlRefused, Phone, SandboxControl
from integrations.sandbox.masking import mask_body, mask_text
from tests.integrations.sandbox.merchant import Merchant


async def test_phones_are_made_with_what_was_given(control: SandboxControl) -> None:
    made = await control.make_phone(name="测试居民1024", id_number="110101199003070003", mobile="13900000001")
    assert (made.name, made.id_number, made.mobile) == ("测试居民1024", "110101199003070003", "13900000001")
    other = await control.make_phone()
    assert (len(other.openid), len(other.unionid)) == (28, 28)
    assert await control.phones() == [made, other]
    assert await control.phone(made.openid) == made


async def test_mistakes_are_explained(control: SandboxControl, client: httpx.AsyncClient) -> None:
    for call, says in (
        (control.make_phone(id_number="110101199003070001"), "check digit"),
        (control.make_phone(mobile="1390000000"), "mobile"),
        (control.login_code("oNobody"), "No phone"),
        (control.order("UNKNOWN001"), "No such order"),
        (control.parcel("UNKNOWN001"), "No such parcel"),
    ):
        with pytest.raises(ControlRefused, match=says):
            await call
    extra = await client.post("/__ctl/phones", json={"nickname": "x"})
    broken = await client.post("/__ctl/phones", content=b"{")
    nowhere = await client.get("/__ctl/nowhere")
    wrong = await client.get("/__ctl/pay")
    assert [answer.status_code for answer in (extra, broken, nowhere, wrong)] == [422, 400, 404, 405]
    assert all(answer.json()["error"] for answer in (extra, broken, nowhere, wrong))


async def test_another_web_page_may_not_use_the_control_api(control: SandboxControl, client: httpx.AsyncClient) -> None:
    answer = await client.post("/__ctl/phones", headers={"Origin": "http://elsewhere.test"})
    assert answer.status_code == 403
    assert await control.phones() == []


async def test_the_journal_masks_secrets_and_persons(
    merchant: Merchant, control: SandboxControl, phone: Phone, env: dict[str, str]
) -> None:
    code = await control.login_code(phone.openid)
    query = {"appid": env["WECHAT_APP_ID"], "secret": env["WECHAT_APP_SECRET"], "js_code": code}
    await merchant.client.get("/sns/jscode2session", params=query)
    body = {"cert_info": {"cert_no": phone.id_number, "cert_name": phone.name}, "mobile": phone.mobile}
    await merchant.client.post("/cityservice/face/identify/getverifyid?access_token=topsecret", json=body)
    param = json.dumps({"key": env["KUAIDI100_KEY"], "number": "EA123456785CN"})
    form = {"customer": "C", "param": param}
    await merchant.client.post("/poll", data=form)
    entries = await control.journal()
    shown = " ".join(entry.detail for entry in entries)
    for hidden in (env["WECHAT_APP_SECRET"], code, phone.id_number, phone.name, phone.mobile, "topsecret"):
        assert hidden not in shown
    assert env["KUAIDI100_KEY"] not in shown
    assert "EA123456785CN" in shown
    assert phone.id_number[:3] + "*" * 15 in shown
    assert [entry.id for entry in await control.journal(entries[0].id)] == [entry.id for entry in entries[1:]]
    assert [entry.direction for entry in entries] == ["request"] * 3


def test_masking_leaves_other_numbers_alone() -> None:
    assert mask_text("运单1207119765021 订单A2026010113000000000") == "运单1207119765021 订单A2026010113000000000"
    assert mask_text("电话：13000000000，证件110101194501010000") == "电话：130****0000，证件110***************"
    assert mask_body(b"\xff\x00binary") == "(8 bytes)"


async def test_a_reset_forgets_everything_but_the_keys(control: SandboxControl, env: dict[str, str]) -> None:
    await control.make_phone()
    await control.scan("EA123456785CN", "picked_up", carrier="ems")
    await control.be_hostile(drop=1)
    await control.advance_clock(100)
    await control.reset()
    assert [await control.phones(), await control.parcels(), await control.orders(), await control.journal()] == [
        []
    ] * 4
    assert ((await control.hostility())["drop"], (await control.clock())["ahead"]) == (0, 0)


async def test_whoever_is_made_after_a_reset_is_somebody_new(control: SandboxControl) -> None:
    """The product keeps its database: with the numbers of before, strangers would come as people it knows."""
    made = []
    for _ in range(3):
        phone, user = await control.make_phone(), await control.add_alipay_user()
        made += [(phone.name, phone.id_number, phone.mobile), (user.name, user.id_number, user.mobile)]
        await control.reset()
    assert [len(set(each)) for each in zip(*made, strict=True)] == [6, 6, 6]


async def test_the_page_is_served_with_everything_it_needs(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "http://" not in page.text
    assert "https://" not in page.text
    imported = ("/__page/parts.js", "/__page/alipay.js")
    for path in ("/__page/style.css", "/__page/page.js", *imported):
        assert path in page.text or path in imported
        assert (await client.get(path)).status_code == 200
