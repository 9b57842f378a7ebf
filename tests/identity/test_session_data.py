from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from app.identity.errors import SessionDataUnreadable
from app.identity.models import ChannelBinding, Resident
from app.identity.queries import actor_of
from app.kernel.privacy import unseal
from integrations.wechat.identity import WechatSessionData
from tests.identity.traces import nothing_moves
from tests.people import Phone
from tests.portal import Portal

VECTOR: dict[str, str] = json.loads((Path(__file__).parent / "session_data.json").read_text())
APP = "wx0000000000000001"
KEY, IV = VECTOR["session_key"], VECTOR["iv"]
CONTENT: dict[str, Any] = json.loads(VECTOR["plaintext"])


def sealed(content: bytes, *, key: str = KEY, padded: bool = True) -> str:
    """What WeChat would make of some content."""
    padding = 16 - len(content) % 16 if padded else 0
    cipher = Cipher(algorithms.AES(base64.b64decode(key)), modes.CBC(base64.b64decode(IV))).encryptor()
    encrypted = cipher.update(content + bytes([padding]) * padding) + cipher.finalize()
    return base64.b64encode(encrypted).decode()


def opened(encrypted: str, *, key: str = KEY, iv: str = IV, app: str = APP) -> str:
    return WechatSessionData(app).phone_number(key, encrypted, iv)


def told(**changed: Any) -> bytes:
    return json.dumps({**CONTENT, **changed}).encode()


async def older_phone(portal: Portal) -> Phone:
    """A phone whose WeChat gives encrypted data instead of a code; its owner agreed that the number is kept."""
    phone = await portal.phone(proven=False)
    await phone.agree("PHONE")
    return phone


async def given_by(portal: Portal, phone: Phone, appid: str = "") -> dict[str, str]:
    encrypted, iv = await portal.control.phone_data(phone.person.openid, appid)
    return {"encryptedData": encrypted, "iv": iv}


def test_the_vector_computed_elsewhere_opens() -> None:
    assert opened(VECTOR["encryptedData"]) == "13800000000"
    assert sealed(VECTOR["plaintext"].encode()) == VECTOR["encryptedData"]


def test_a_number_from_abroad_is_told_with_its_country() -> None:
    content = told(phoneNumber="+85291234567", purePhoneNumber="91234567", countryCode="852")
    assert opened(sealed(content)) == "+85291234567"
    content = told(phoneNumber="85291234567", purePhoneNumber="91234567", countryCode=852)
    assert opened(sealed(content)) == "+85291234567"


OTHER_KEY = base64.b64encode(b"another-key-0001").decode()
CUT = base64.b64encode(base64.b64decode(VECTOR["encryptedData"])[:-16]).decode()
CUT_WITHIN = base64.b64encode(base64.b64decode(VECTOR["encryptedData"])[:-5]).decode()
UNREADABLE = {
    "another key": {"encrypted": VECTOR["encryptedData"], "key": OTHER_KEY},
    "another mini-program": {"encrypted": VECTOR["encryptedData"], "app": "wx0000000000000002"},
    "another iv": {"encrypted": VECTOR["encryptedData"], "iv": OTHER_KEY},
    "a block cut off": {"encrypted": CUT},
    "half a block cut off": {"encrypted": CUT_WITHIN},
    "nothing": {"encrypted": ""},
    "an empty iv": {"encrypted": VECTOR["encryptedData"], "iv": ""},
    "a short iv": {"encrypted": VECTOR["encryptedData"], "iv": "AAAA"},
    "no base64": {"encrypted": "不是base64"},
    "base64 written differently": {"encrypted": VECTOR["encryptedData"] + "\n"},
    "a key that is none": {"encrypted": VECTOR["encryptedData"], "key": "short"},
    "an empty key": {"encrypted": VECTOR["encryptedData"], "key": ""},
    "far too long": {"encrypted": "A" * 5000},
    "no JSON": {"encrypted": sealed(b"13800000000")},
    "no text": {"encrypted": sealed(b"\xff\xfe" * 20)},
    "no object": {"encrypted": sealed(b"[1,2]")},
    "a bare null": {"encrypted": sealed(b"null")},
    "no padding": {"encrypted": sealed(b"{}" * 8, padded=False)},
    "no watermark": {"encrypted": sealed(json.dumps({"purePhoneNumber": "13800000000"}).encode())},
    "a watermark that is none": {"encrypted": sealed(told(watermark=APP))},
    "deeper than deep": {"encrypted": sealed(b"[" * 2000)},
    "no number": {"encrypted": sealed(told(purePhoneNumber="call me"))},
    "no country": {"encrypted": sealed(told(countryCode=""))},
    "two numbers": {"encrypted": sealed(told(phoneNumber="13900000000"))},
    "a list of numbers": {"encrypted": sealed(told(purePhoneNumber=["13800000000"]))},
    "one number only": {"encrypted": sealed(json.dumps({**CONTENT, "phoneNumber": None}).encode())},
}


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE)
def test_whatever_is_not_as_wechat_writes_it_does_not_open(case: dict[str, str]) -> None:
    with pytest.raises(SessionDataUnreadable):
        opened(**case)


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_garbage_never_opens_and_is_never_a_bug(data: bytes, key: bytes, iv: bytes) -> None:
    data, key, iv = (base64.b64encode(part) for part in (data, key, iv))
    with pytest.raises(SessionDataUnreadable):
        opened(data.decode(), key=key.decode(), iv=iv.decode())


@given(st.text(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_text_that_is_no_session_data_never_opens(data: str, key: str, iv: str) -> None:
    with pytest.raises(SessionDataUnreadable):
        opened(data, key=key, iv=iv)


@given(st.integers(min_value=0, max_value=159), st.integers(min_value=1, max_value=255))
def test_with_an_altered_byte_it_opens_as_the_same_number_or_not_at_all(place: int, change: int) -> None:
    """The cipher has no check sum; the watermark's time may change unseen, the number may not."""
    raw = bytearray(base64.b64decode(VECTOR["encryptedData"]))
    raw[place % len(raw)] ^= change
    try:
        number = opened(base64.b64encode(bytes(raw)).decode())
    except SessionDataUnreadable:
        return
    assert number == "13800000000"


async def test_an_older_phone_leaves_its_number(portal: Portal) -> None:
    phone = await older_phone(portal)

    resident = await phone.do("SetPhoneFromSessionData", **await given_by(portal, phone))

    mobile = phone.person.mobile
    assert resident["maskedPhone"] == f"{mobile[:3]}****{mobile[-4:]}"
    row = await Resident.get(id=(await actor_of(phone.access)).id)
    assert row.phone_sealed is not None
    assert unseal(row.phone_sealed) == mobile


async def test_the_session_key_is_kept_sealed_and_replaced_at_every_sign_in(portal: Portal) -> None:
    phone = await older_phone(portal)
    resident_id = (await actor_of(phone.access)).id
    first = (await ChannelBinding.get(resident_id=resident_id)).session_secret_sealed
    await phone.sign_in()
    second = (await ChannelBinding.get(resident_id=resident_id)).session_secret_sealed
    assert first is not None
    assert second is not None
    assert len(base64.b64decode(unseal(first))) == 16
    assert unseal(first) != unseal(second)
    assert unseal(first) not in first


async def test_what_does_not_open_asks_to_sign_in_again_and_moves_nothing(portal: Portal) -> None:
    phone, other = await older_phone(portal), await older_phone(portal)
    mine, theirs = await given_by(portal, phone), await given_by(portal, other)
    foreign = await given_by(portal, phone, appid="wx0000000000000009")
    outdated = dict(mine)
    await phone.sign_in()

    async with nothing_moves():
        refusals = [
            await phone.do("SetPhoneFromSessionData", **bad)
            for bad in (theirs, foreign, outdated, {**mine, "iv": theirs["iv"]}, {"encryptedData": "", "iv": ""})
        ]

    assert {refused["code"] for refused in refusals} == {"SESSION_DATA_UNREADABLE"}
    assert {refused["message"] for refused in refusals} == {"登录状态已变化,请重新打开小程序登录后再试"}
    assert refusals[0]["retryable"]
    fresh = await phone.do("SetPhoneFromSessionData", **await given_by(portal, phone))
    assert fresh["__typename"] == "Resident"


async def test_the_same_data_may_be_sent_again_after_a_lost_answer(portal: Portal) -> None:
    phone = await older_phone(portal)
    data = await given_by(portal, phone)
    first = await phone.do("SetPhoneFromSessionData", **data)
    again = await phone.do("SetPhoneFromSessionData", **data)
    assert first["__typename"] == "Resident"
    assert again == first


async def test_without_consent_not_even_readable_data_is_opened(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    async with nothing_moves():
        refused = await phone.do("SetPhoneFromSessionData", **await given_by(portal, phone))
    assert (refused["code"], refused["ways"]) == ("CONSENT_NEEDED", ["PHONE"])
