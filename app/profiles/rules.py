"""Without this module nobody could say what an address is that a courier finds, or which notices may be muted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from app.identity.rules import is_mainland_mobile
from app.profiles.errors import AddressInvalid, NoticeNotMutable

MOST_ADDRESSES = 20

PROVINCES: dict[str, str] = {
    "11": "北京市",
    "12": "天津市",
    "13": "河北省",
    "14": "山西省",
    "15": "内蒙古自治区",
    "21": "辽宁省",
    "22": "吉林省",
    "23": "黑龙江省",
    "31": "上海市",
    "32": "江苏省",
    "33": "浙江省",
    "34": "安徽省",
    "35": "福建省",
    "36": "江西省",
    "37": "山东省",
    "41": "河南省",
    "42": "湖北省",
    "43": "湖南省",
    "44": "广东省",
    "45": "广西壮族自治区",
    "46": "海南省",
    "50": "重庆市",
    "51": "四川省",
    "52": "贵州省",
    "53": "云南省",
    "54": "西藏自治区",
    "61": "陕西省",
    "62": "甘肃省",
    "63": "青海省",
    "64": "宁夏回族自治区",
    "65": "新疆维吾尔自治区",
    "71": "台湾省",
    "81": "香港特别行政区",
    "82": "澳门特别行政区",
}
"""GB/T 2260. Counties come and go and old codes stay valid, so only the first two digits are looked up."""

INVENTED = "99"
"""The province of the seed data; GB/T 2260 gives it to nobody."""

# Not \d: it also takes digits of other scripts.
_DIVISION = re.compile(r"[0-9]{6}([0-9]{3}){0,2}")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
_BETWEEN_DIGITS = re.compile(r"[\s()-]+")
_TO_THE_TOWN = re.compile(r".*(?:省|市|区|县|旗|镇|乡|街道)")


@dataclass(frozen=True)
class Address:
    """Where papers are posted to; stored sealed."""

    receiver: str
    phone: str
    division_code: str
    detail: str


def check_address(address: Address, provinces: Collection[str] = PROVINCES) -> Address:
    """The address in the form a courier reads. Raises `AddressInvalid`, naming the first part that is wrong.

    `provinces` are the first two digits a division code may have.
    """
    receiver, detail = _line(address.receiver), _line(address.detail)
    if len(receiver) not in range(1, 31) or not receiver.isprintable():
        raise _wrong("receiver", "收件人", "the receiver", "1至30个字", "1 to 30 characters")
    if len(detail) not in range(1, 121) or not detail.isprintable():
        raise _wrong("detail", "详细地址", "the street address", "1至120个字", "1 to 120 characters")
    return Address(receiver, check_phone(address.phone), _division(address.division_code, provinces), detail)


def check_phone(text: str) -> str:
    """A mainland mobile number bare; any other (Hong Kong, Macao and Taiwan too) as `+` and its country.

    Raises `AddressInvalid`.
    """
    number = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", text))
    mainland = number.removeprefix("+86")
    if is_mainland_mobile(mainland):
        return mainland
    if not _ABROAD.fullmatch(number):
        rule_zh = "请填写11位手机号;港澳台和境外号码以“+区号”开头"
        raise _wrong("phone", "手机号", "the phone number", rule_zh, "11 digits, or + and the country's code")
    return number


def _division(text: str, provinces: Collection[str]) -> str:
    code = unicodedata.normalize("NFKC", text).strip()
    if not _DIVISION.fullmatch(code) or code[:2] not in provinces:
        raise _wrong("divisionCode", "行政区划代码", "the division code", "请重新选择所在地区", "choose the place anew")
    return code


def _line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _wrong(part: str, part_zh: str, part_en: str, rule_zh: str, rule_en: str) -> AddressInvalid:
    return AddressInvalid(field=part, part_zh=part_zh, part_en=part_en, rule_zh=rule_zh, rule_en=rule_en)


def mask_detail(detail: str) -> str:
    """An address to the town; street and house number stay hidden."""
    before_numbers = re.split(r"[0-9]", unicodedata.normalize("NFKC", detail))[0]
    town = _TO_THE_TOWN.match(before_numbers)
    return (town.group() if town else detail[:2]) + "****"


class Language(StrEnum):
    """What a resident reads best."""

    ZH = "zh"
    EN = "en"


class NoticeKind(StrEnum):
    """What the portal tells residents about without being asked."""

    BOOKING = "BOOKING"
    CASE = "CASE"
    PAYMENT = "PAYMENT"
    DELIVERY = "DELIVERY"
    SECURITY = "SECURITY"


NOTICE_WORDS: dict[NoticeKind, tuple[str, str]] = {
    NoticeKind.BOOKING: ("预约和叫号", "bookings and calls at the hall"),
    NoticeKind.CASE: ("办理进度", "the progress of cases"),
    NoticeKind.PAYMENT: ("缴费和退款", "payments and refunds"),
    NoticeKind.DELIVERY: ("寄送进度", "parcels"),
    NoticeKind.SECURITY: ("账号安全", "the security of the account"),
}


def check_muted(kinds: Collection[NoticeKind]) -> list[str]:
    """The kinds in order, each once. Raises `NoticeNotMutable`: whoever stole a phone would mute security first."""
    if NoticeKind.SECURITY in kinds:
        kind_zh, kind_en = NOTICE_WORDS[NoticeKind.SECURITY]
        raise NoticeNotMutable(field="muted", kind_zh=kind_zh, kind_en=kind_en)
    return sorted({kind.value for kind in kinds})
