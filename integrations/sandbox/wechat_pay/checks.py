"""Without this module a wrong field would be swallowed: it names the first one that is wrong by JSON pointer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.wechat_pay.wire import wrong

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
LIMITS_OF_PAY = frozenset({"no_balance", "no_credit", "no_debit", "balance_only"})


def need_text(content: Mapping[str, Any], pointer: str, longest: int, *, in_bytes: bool = False) -> str:
    value = at(content, pointer)
    if value is None or value == "":
        raise wrong(pointer, value, "必填")
    return _text(pointer, value, longest, in_bytes=in_bytes)


def may_text(content: Mapping[str, Any], pointer: str, longest: int, *, in_bytes: bool = False) -> str:
    value = at(content, pointer)
    return "" if value is None else _text(pointer, value, longest, in_bytes=in_bytes)


def need_number(content: Mapping[str, Any], pointer: str, pattern: re.Pattern[str]) -> str:
    value = need_text(content, pointer, 64)
    if not pattern.fullmatch(value):
        raise wrong(pointer, value, "字符或长度不符合规则")
    return value


def need_fen(content: Mapping[str, Any], pointer: str) -> int:
    """An amount is a JSON integer above zero; 1.0, "100" and true are all refused."""
    value = at(content, pointer)
    if value is None:
        raise wrong(pointer, value, "必填")
    if type(value) is not int:
        raise wrong(pointer, value, "不是整数")
    if value <= 0:
        raise wrong(pointer, value, "必须大于0")
    return value


def need_currency(content: Mapping[str, Any], *, required: bool) -> None:
    value = at(content, "/amount/currency")
    if (value is None and required) or value not in (None, "CNY"):
        raise wrong("/amount/currency", value, "只支持CNY")


def need_callback_url(content: Mapping[str, Any], longest: int, *, required: bool) -> str:
    """The sandbox also takes http and loopback, which the platform would refuse; never a query string."""
    pointer = "/notify_url"
    url = need_text(content, pointer, longest) if required else may_text(content, pointer, longest)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise wrong(pointer, url, "不是有效的URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong(pointer, url, "不是有效的URL")
    if "?" in url or "#" in url:
        raise wrong(pointer, url, "不能携带参数")
    return url


def may_deadline(content: Mapping[str, Any]) -> float | None:
    pointer = "/time_expire"
    value = may_text(content, pointer, 64)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong(pointer, value, "不符合RFC3339格式") from None
    if moment.tzinfo is None or "T" not in value:
        raise wrong(pointer, value, "不符合RFC3339格式")
    return moment.timestamp()


def check_extras(content: Mapping[str, Any]) -> None:
    """The optional fields the sandbox keeps no use for are still checked for their type."""
    may_text(content, "/goods_tag", 32)
    for pointer in ("/support_fapiao", "/settle_info/profit_sharing"):
        if at(content, pointer) not in (None, True, False) or type(at(content, pointer)) is int:
            raise wrong(pointer, at(content, pointer), "不是布尔值")
    limits = at(content, "/limit_pay")
    if limits is not None and not (isinstance(limits, list) and all(item in LIMITS_OF_PAY for item in limits)):
        raise wrong("/limit_pay", None, "取值不正确")
    address = may_text(content, "/scene_info/payer_client_ip", 45)
    if address:
        _check_address(address)


def at(content: Mapping[str, Any], pointer: str) -> Any:
    """The value a JSON pointer names, None where there is nothing; a scalar on the way is a wrong type."""
    value: Any = content
    walked = ""
    for name in pointer.strip("/").split("/"):
        if not isinstance(value, Mapping):
            raise wrong(walked, value, "不是对象")
        value = value.get(name)
        walked += f"/{name}"
        if value is None:
            return None
    return value


def _text(pointer: str, value: Any, longest: int, *, in_bytes: bool) -> str:
    if not isinstance(value, str):
        raise wrong(pointer, value, "不是字符串")
    if len(value.encode() if in_bytes else value) > longest:
        raise wrong(pointer, value[:64], f"长度超过{longest}")
    return value


def _check_address(address: str) -> None:
    pointer = "/scene_info/payer_client_ip"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise wrong(pointer, address, "不是有效的IP") from None
    if str(parsed) == "127.0.0.1":
        raise wrong(pointer, address, "不能是127.0.0.1")
