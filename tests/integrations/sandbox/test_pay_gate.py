"""Without this module WeChat Pay's door could stand ajar: each wrong request is refused, in the platform's order."""

import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from integrations.sandbox.control import Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant

CERTIFICATES = "/v3/certificates"
JSAPI = "/v3/pay/transactions/jsapi"


async def test_unknown_paths_and_wrong_methods_are_empty(merchant: Merchant) -> None:
    answers = [
        await merchant.client.get("/v3/nowhere"),
        await merchant.client.get(JSAPI),
        await merchant.client.post(CERTIFICATES),
        await merchant.client.head(CERTIFICATES),
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(404, b""), *[(405, b"")] * 3]


@pytest.mark.parametrize("header", ["Accept", "User-Agent"])
async def test_missing_headers_are_noticed_before_the_signature(merchant: Merchant, header: str) -> None:
    answer = await merchant.send("GET", CERTIFICATES, headers={header: "", "Authorization": "nonsense"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        ("", "缺少Authorization"),
        ("Bearer x", "认证类型"),
        ("WECHATPAY2-SHA256-RSA2048", "格式"),
        ('WECHATPAY2-SHA256-RSA2048 mchid="1"', "必须且只能"),
        ('WECHATPAY2-SHA256-RSA2048 mchid="1",mchid="2"', "格式"),
    ],
)
async def test_an_authorization_of_another_shape_is_refused(merchant: Merchant, authorization: str, says: str) -> None:
    answer = await merchant.send("GET", CERTIFICATES, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert says in answer.json()["message"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"at": "-400", "signature": "AAAA"}, "5分钟"),
        ({"at": "+400"}, "5分钟"),
        ({"at": "now"}, "不是整数"),
        ({"mchid": "1900000000", "signature": "AAAA"}, "商户号"),
        ({"serial_no": "0" * 40, "signature": "AAAA"}, "序列号"),
        ({"signature": "AAAA"}, "签名错误"),
        ({"signature": "not base64!"}, "签名错误"),
        ({"nonce_str": "another"}, "签名错误"),
    ],
)
async def test_clock_identity_and_signature_are_checked_in_this_order(
    merchant: Merchant, changes: dict[str, str], says: str
) -> None:
    if changes.get("at", "now") != "now":  # seconds from this very moment, not from when tests were collected
        changes = {**changes, "at": str(int(time.time()) + int(changes["at"]))}
    answer = await merchant.send("GET", CERTIFICATES, None, headers=None, **changes)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert says in answer.json()["message"]
    assert "wechatpay-signature" not in answer.headers


async def test_the_signature_covers_the_body_and_the_query_byte_by_byte(merchant: Merchant, phone: Phone) -> None:
    changed = await merchant.send("POST", JSAPI, '{"a": 1}', signed_body='{"a":1}')
    target = "/v3/pay/transactions/out-trade-no/A%7C0001?mchid=1"
    authorization = merchant.authorization("GET", target.replace("%7C", "|"), "")
    reencoded = await merchant.send("GET", target, headers={"Authorization": authorization})
    assert [answer.status_code for answer in (changed, reencoded)] == [401, 401]
    assert (await merchant.send("GET", target)).json()["code"] == "PARAM_ERROR"


async def test_a_nonce_is_good_once(merchant: Merchant, control: SandboxControl) -> None:
    same = [await merchant.send("GET", CERTIFICATES, nonce="ABCDEFGH" * 4) for _ in range(2)]
    assert [answer.status_code for answer in same] == [200, 401]
    await control.be_hostile(nonce_strict=False)
    assert (await merchant.send("GET", CERTIFICATES, nonce="ABCDEFGH" * 4)).status_code == 200


NOTIFY = "http://127.0.0.1:1/pay"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"appid": None}, "/appid"),
        ({"mchid": "1900000000"}, "/mchid"),
        ({"mchid": 1}, "/mchid"),
        ({"description": ""}, "/description"),
        ({"description": "长" * 128}, "/description"),
        ({"out_trade_no": "short"}, "/out_trade_no"),
        ({"out_trade_no": "A" * 33}, "/out_trade_no"),
        ({"out_trade_no": "中文中文中文中文"}, "/out_trade_no"),
        ({"attach": "长" * 43}, "/attach"),
        ({"time_expire": "2030-01-01 00:00:00"}, "/time_expire"),
        ({"time_expire": "2030-01-01T00:00:00"}, "/time_expire"),
        ({"notify_url": "ftp://example.test/x"}, "/notify_url"),
        ({"notify_url": NOTIFY + "?a=1"}, "/notify_url"),
        ({"amount": {"total": 100.0}}, "/amount/total"),
        ({"amount": {"total": "100"}}, "/amount/total"),
        ({"amount": {"total": True}}, "/amount/total"),
        ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": -1}}, "/amount/total"),
        ({"amount": 100}, "/amount"),
        ({"amount": {"total": 100, "currency": "USD"}}, "/amount/currency"),
        ({"payer": {}}, "/payer/openid"),
        ({"payer": {"openid": "oNobody"}}, "/payer/openid"),
        ({"scene_info": {"payer_client_ip": "127.0.0.1"}}, "/scene_info/payer_client_ip"),
        ({"scene_info": {"payer_client_ip": "x"}}, "/scene_info/payer_client_ip"),
        ({"limit_pay": ["all"]}, "/limit_pay"),
        ({"support_fapiao": 1}, "/support_fapiao"),
    ],
)
async def test_the_first_wrong_field_is_named_by_pointer(
    merchant: Merchant, control: SandboxControl, phone: Phone, change: dict[str, Any], field: str
) -> None:
    answer = await merchant.send("POST", JSAPI, merchant.order("ORDER00001", phone.openid, NOTIFY) | change)
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert await control.orders() == []


async def test_another_app_or_a_body_that_is_no_json_is_refused(merchant: Merchant, phone: Phone) -> None:
    order = merchant.order("ORDER00001", phone.openid, NOTIFY)
    other_app = await merchant.send("POST", JSAPI, order | {"appid": "wx0000000000000000"})
    broken = await merchant.send("POST", JSAPI, "{")
    form = await merchant.send("POST", JSAPI, order, headers={"Content-Type": "text/plain"})
    assert [answer.json()["code"] for answer in (other_app, broken, form)] == [
        "APPID_MCHID_NOT_MATCH",
        "PARAM_ERROR",
        "INVALID_REQUEST",
    ]


async def test_success_is_signed_with_the_key_the_request_asks_for(merchant: Merchant) -> None:
    plain = await merchant.send("GET", CERTIFICATES)
    assert plain.headers["wechatpay-serial"] == merchant.env["WECHAT_PAY_PUBLIC_KEY_ID"]
    assert plain.headers["wechatpay-signature-type"] == "WECHATPAY2-SHA256-RSA2048"
    merchant.verify(plain.headers, plain.content)
    serial, certificate_key = certificate_of(merchant, plain.json())
    asked = await merchant.send("GET", CERTIFICATES, headers={"Wechatpay-Serial": serial})
    assert asked.headers["wechatpay-serial"] == serial
    merchant.verify(asked.headers, asked.content, certificate_key)
    with pytest.raises(InvalidSignature):
        merchant.verify(asked.headers, asked.content)


def certificate_of(merchant: Merchant, content: dict[str, Any]) -> tuple[str, Any]:
    from cryptography import x509

    entry = content["data"][0]
    assert entry["encrypt_certificate"]["associated_data"] == "certificate"
    certificate = x509.load_pem_x509_certificate(merchant.decrypt(entry["encrypt_certificate"]))
    assert f"{certificate.serial_number:X}" == entry["serial_no"]
    return entry["serial_no"], certificate.public_key()


async def test_a_merchant_with_only_the_public_key_has_no_certificates(
    merchant: Merchant, control: SandboxControl
) -> None:
    await control.be_hostile(public_key_only=True)
    answer = await merchant.send("GET", CERTIFICATES)
    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
