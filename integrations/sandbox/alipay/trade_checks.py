"""Without this module a wrong field of a trade would be swallowed: amounts, numbers, moments and addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.alipay.wire import Declined, not_done
from integrations.sandbox.clock import BEIJING

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_]{1,64}")
OUT_REQUEST_NO = re.compile(r"[0-9A-Za-z_\-]{1,64}")
YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")
RELATIVE = re.compile(r"([1-9]\d{0,4})([mhd])|1c")
MOST_FEN = 10_000_000_000  # 100000000 yuan
LONGEST_LIFE = timedelta(days=15)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
FORBIDDEN = frozenset("/=&")


def invalid(sentence: str) -> Declined:
    return not_done("ACQ.INVALID_PARAMETER", sentence)


def need_text(content: Mapping[str, Any], name: str, longest: int) -> str:
    value = may_text(content, name, longest)
    if not value:
        raise invalid(f"{name}不能为空")
    return value


def may_text(content: Mapping[str, Any], name: str, longest: int) -> str:
    value = content.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"{name}不是字符串")
    if len(value) > longest:
        raise invalid(f"{name}长度超过{longest}")
    return value


def need_number(content: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = need_text(content, name, 64)
    if not pattern.fullmatch(value):
        raise invalid(f"{name}字符不符合规则")
    return value


def need_fen(content: Mapping[str, Any], name: str) -> int:
    """Yuan as text, 0.01 to 100000000; a JSON number is refused, it would come as 0.30000000000000004 one day."""
    found = YUAN.fullmatch(need_text(content, name, 20))
    if found is None:
        raise invalid(f"{name}不是两位小数以内的金额")
    fen = int(found.group(1)) * 100 + int((found.group(2) or "").ljust(2, "0"))
    if not 1 <= fen <= MOST_FEN:
        raise invalid(f"{name}不在0.01到100000000之间")
    return fen


def need_subject(content: Mapping[str, Any]) -> str:
    subject = need_text(content, "subject", 256)
    if FORBIDDEN & set(subject):
        raise invalid("subject含有特殊字符")
    return subject


def need_notify_url(parameters: Mapping[str, str]) -> str:
    """A common parameter, not part of biz_content. The sandbox takes http and loopback too."""
    url = parameters.get("notify_url", "")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise invalid("notify_url不是有效的URL") from None
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise invalid("notify_url不是有效的URL")
    return url


def deadline(content: Mapping[str, Any], now: float) -> float:
    """The absolute time wins over the relative one; without either, fifteen days."""
    absolute, relative = may_text(content, "time_expire", 19), may_text(content, "timeout_express", 6)
    latest = now + LONGEST_LIFE.total_seconds()
    if absolute:
        return min(_moment(absolute, now), latest)
    if not relative:
        return latest
    found = RELATIVE.fullmatch(relative)
    if found is None:
        raise invalid("timeout_express格式不正确")
    if relative == "1c":
        today = datetime.fromtimestamp(now, BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
        return (today + timedelta(days=1)).timestamp()
    return min(now + timedelta(**{UNITS[found.group(2)]: int(found.group(1))}).total_seconds(), latest)


def _moment(text: str, now: float) -> float:
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise invalid("time_expire格式为yyyy-MM-dd HH:mm:ss") from None
    if moment <= now:
        raise invalid("time_expire已过")
    return moment


def yuan(fen: int) -> str:
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"
