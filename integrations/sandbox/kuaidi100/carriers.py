"""Without this module there would be no carriers: their codes, the phone rule, the look of their numbers."""

from __future__ import annotations

import re

PHONE_NEEDED = frozenset({"shunfeng", "shunfengkuaiyun", "zhongtong"})

CARRIERS = frozenset({
    "annengwuliu", "danniao", "debangkuaidi", "debangwuliu", "ems", "emsguoji", "fengwang", "huitongkuaidi",
    "jd", "jingdongkuaiyun", "jtexpress", "kuayue", "shansong", "shentong", "shunfeng", "shunfengkuaiyun",
    "suer", "youshuwuliu", "youzhengbk", "youzhengdsbk", "youzhengguoji", "youzhengguonei", "yuantong",
    "yunda", "zhaijisong", "zhongtong", "zhongtongkuaiyun",
})  # fmt: skip

NUMBER = re.compile(r"[0-9A-Za-z]{6,32}")

LOOKS = (
    ("shunfeng", re.compile(r"SF[A-Z0-9]?\d{12,13}")),
    ("ems", re.compile(r"E[A-Z]\d{9}C[NS]")),
    ("youzhengguoji", re.compile(r"[A-DF-Z][A-Z]\d{9}[A-Z]{2}")),
    ("jd", re.compile(r"JD[A-Z0-9]{2}\d{11}")),
    ("jtexpress", re.compile(r"JT\d{13}")),
    ("yuantong", re.compile(r"YT\d{13}")),
    ("debangkuaidi", re.compile(r"DPK\d{12}")),
    ("zhongtong", re.compile(r"7[3-68]\d{12}")),
    ("shentong", re.compile(r"(77|43)\d{12,15}")),
    ("yunda", re.compile(r"[34]\d{14}|5\d{12}")),
    ("danniao", re.compile(r"621\d{12}")),
    ("ems", re.compile(r"1[0-3]\d{11}")),
    ("youzhengguonei", re.compile(r"9[5-9]\d{11}")),
)


def candidates(number: str) -> list[str]:
    """The carriers a number may belong to, most likely first."""
    shown = number.strip().upper()
    found = [carrier for carrier, look in LOOKS if look.fullmatch(shown)]
    return list(dict.fromkeys(found))
