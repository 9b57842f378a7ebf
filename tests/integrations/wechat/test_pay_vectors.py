"""Without this module our signatures could agree with the sandbox and with nobody else."""

from __future__ import annotations

import time

import pytest

from integrations.wechat.identity import cert_hash
from integrations.wechat.pay_keys import (
    MerchantKey,
    Seal,
    SealBroken,
    answer_message,
    phone_message,
    request_message,
    unseal,
)
from tests.integrations.wechat.vectors import FACE, GCM, RSA, published_key

NONCE = "0123456789ABCDEF0123456789ABCDEF"
MERCHANT = MerchantKey("1900000001", "ABCDEF", published_key())


@pytest.mark.parametrize("name", sorted(RSA))
def test_every_published_signature_is_reproduced(name: str) -> None:
    assert MERCHANT.sign(RSA[name]["msg"].encode()) == RSA[name]["sig"]


def test_a_get_request_is_signed_over_its_path_and_query() -> None:
    target = "/v3/pay/transactions/out-trade-no/A20260101000001?mchid=1900000001"
    message = request_message("GET", target, b"", timestamp=1700000000, nonce=NONCE)
    assert message.decode() == RSA["request-get"]["msg"]


def test_an_order_is_signed_over_the_bytes_of_its_body() -> None:
    body = RSA["request-post-jsapi"]["msg"].split("\n")[4].encode()
    assert len(body) == 219
    message = request_message("POST", "/v3/pay/transactions/jsapi", body, timestamp=1700000000, nonce=NONCE)
    assert message.decode() == RSA["request-post-jsapi"]["msg"]
    header = MERCHANT.authorization("POST", "/v3/pay/transactions/jsapi", body, timestamp=1700000000, nonce=NONCE)
    assert header == (
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="0123456789ABCDEF0123456789ABCDEF",'
        f'timestamp="1700000000",serial_no="ABCDEF",signature="{RSA["request-post-jsapi"]["sig"]}"'
    )


def test_the_phone_gets_the_published_pay_sign() -> None:
    package = "prepay_id=wx00000000000000000000000000000001"
    message = phone_message("wx0000000000000001", "1700000000", NONCE, package)
    assert message.decode() == RSA["paysign"]["msg"]


def test_an_empty_answer_is_verified_over_an_empty_line() -> None:
    assert answer_message("1700000000", NONCE, b"").decode() == RSA["response-204-empty"]["msg"]
    seal = Seal("1700000000", NONCE, "PUB_KEY_ID_1", RSA["response-204-empty"]["sig"])
    seal.check_signature(published_key().public_key(), b"")


def test_the_published_notification_is_believed_and_no_byte_of_it_may_change() -> None:
    timestamp, nonce, body = RSA["notify-go"]["msg"].rstrip("\n").split("\n")
    seal = Seal(timestamp, nonce, "PUB_KEY_ID_1", RSA["notify-go"]["sig"])
    seal.check_signature(published_key().public_key(), body.encode())
    with pytest.raises(SealBroken, match="signature-wrong"):
        seal.check_signature(published_key().public_key(), body.encode() + b"\n")
    with pytest.raises(SealBroken, match="timestamp-stale"):
        seal.check_time()


def test_a_sign_test_probe_fails_like_any_wrong_signature() -> None:
    probe = Seal("1700000000", NONCE, "PUB_KEY_ID_1", "WECHATPAY/SIGNTEST/" + RSA["response-204-empty"]["sig"])
    with pytest.raises(SealBroken, match="signature-wrong"):
        probe.check_signature(published_key().public_key(), b"")


def test_a_signature_has_one_spelling() -> None:
    right = RSA["response-204-empty"]["sig"]
    assert right.endswith("cw==")
    other = Seal("1700000000", NONCE, "PUB_KEY_ID_1", right[:-4] + "cx==")
    with pytest.raises(SealBroken, match="signature-wrong"):
        other.check_signature(published_key().public_key(), b"")


@pytest.mark.parametrize("seconds_off", [-300, 300, -100_000, 100_000])
def test_a_message_five_minutes_off_is_stale(seconds_off: int) -> None:
    seal = Seal(str(int(time.time()) + seconds_off), NONCE, "PUB_KEY_ID_1", "x")
    with pytest.raises(SealBroken, match="timestamp-stale"):
        seal.check_time()


@pytest.mark.parametrize("text", ["", "-1", "1e9", "١٧٠٠", "1" * 13])
def test_a_timestamp_is_plain_digits(text: str) -> None:
    with pytest.raises(SealBroken, match="timestamp-unreadable"):
        Seal(text, NONCE, "PUB_KEY_ID_1", "x").check_time()


@pytest.mark.parametrize("name", ["java-32", "own-32"])
def test_sealed_content_is_opened(name: str) -> None:
    assert unseal(GCM[name]["key"].encode(), _sealed(name)).decode() == GCM[name]["pt"]


@pytest.mark.parametrize("name", ["go-16", "go-notify-16"])
def test_a_key_of_sixteen_bytes_is_refused_though_it_would_open(name: str) -> None:
    with pytest.raises(SealBroken, match="key-length"):
        unseal(GCM[name]["key"].encode(), _sealed(name))


@pytest.mark.parametrize(
    "change",
    [
        {"ciphertext": "Vlwsi" + GCM["java-32"]["ct"][5:]},
        {"associated_data": "other"},
        {"associated_data": ""},
        {"associated_data": None},
        {"nonce": "uluk4a9R25RX"},
        {"nonce": ""},
        {"ciphertext": "not base64!"},
        {"algorithm": "AEAD_AES_128_GCM"},
    ],
)
def test_sealed_content_that_was_changed_stays_closed(change: dict[str, str]) -> None:
    with pytest.raises(SealBroken):
        unseal(GCM["java-32"]["key"].encode(), _sealed("java-32") | change)


def test_a_person_is_hashed_as_the_city_service_does() -> None:
    assert cert_hash({name: FACE[name] for name in ("cert_type", "cert_name", "cert_no")}) == FACE["cert_hash"]


def _sealed(name: str) -> dict[str, str]:
    vector = GCM[name]
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": vector["ct"],
        "nonce": vector["nonce"],
        "associated_data": vector["aad"],
    }
