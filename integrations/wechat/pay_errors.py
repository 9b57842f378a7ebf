"""Without this module each caller would spell WeChat Pay's error codes in its own way."""

from __future__ import annotations

import orjson

from app.kernel.http import Answer

_NAMES = (
    "PARAM_ERROR", "INVALID_REQUEST", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "ORDER_CLOSED", "ORDERPAID",
    "NO_STATEMENT_EXIST", "STATEMENT_CREATING", "SIGN_ERROR", "NO_AUTH", "OUT_TRADE_NO_USED", "RULE_LIMIT",
    "TRADE_ERROR", "ACCOUNT_ERROR", "USER_ACCOUNT_ABNORMAL", "NOT_ENOUGH", "ORDER_NOT_EXIST",
    "RESOURCE_NOT_EXISTS", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "BANK_ERROR",
    "OPENID_MISMATCH", "INVALID_TRANSACTIONID", "SERVICE_UNAVAILABLE", "USERPAYING",
)  # fmt: skip
_CANONICAL = {name.replace("_", ""): name for name in _NAMES}
"""Older endpoints leave the underscores out; both spellings are one code."""

_ABOUT_US = frozenset({"SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", ""})
_TOO_OFTEN = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"})
_OF_THE_MOMENT = _TOO_OFTEN | {"USERPAYING"}
_MAY_PASS = frozenset({"SYSTEM_ERROR", "BANK_ERROR", "SERVICE_UNAVAILABLE", ""})


class PayRefused(Exception):
    """WeChat Pay API v3, "error codes": the HTTP status and the code in one spelling.

    The body is not signed, so it proves no more than that this request was refused; its text is not kept.
    """

    def __init__(self, status: int, code: str, request_id: str) -> None:
        super().__init__(f"{status} {code or 'without a code'}")
        self.status = status
        self.code = code
        self.request_id = request_id

    @property
    def may_pass(self) -> bool:
        """The same request may succeed when it is repeated at once."""
        return self.status in {500, 502, 503} and self.code in _MAY_PASS

    @property
    def is_about_us(self) -> bool:
        """Keys, permissions, clock or address: an operator has to look."""
        return self.status in {401, 405} or self.code in _ABOUT_US

    @property
    def is_of_our_key(self) -> bool:
        """Our signature was not accepted: the key, its serial or the clock; nothing was done."""
        return self.status == 401 or self.code == "SIGN_ERROR"

    @property
    def is_too_often(self) -> bool:
        """Nothing was done; the same request is welcome another time."""
        return self.status == 429 or self.code in _TOO_OFTEN

    @property
    def is_of_the_moment(self) -> bool:
        return self.status in {202, 429} or self.status > 500 or self.code in _OF_THE_MOMENT


def refusal_of(answer: Answer) -> PayRefused:
    """Read a body that is not a success; HTML and empty bodies have no code."""
    try:
        content = orjson.loads(answer.body)
        told = content["code"] if isinstance(content, dict) else ""
    except (ValueError, KeyError):
        told = ""
    code = told.strip().upper() if isinstance(told, str) else ""
    code = _CANONICAL.get(code.replace("_", ""), code)[:40]
    return PayRefused(answer.status, code, answer.headers.get("request-id", "")[:64])
