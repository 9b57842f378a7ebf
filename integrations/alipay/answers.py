"""Without this module a signature would be checked over something Alipay never wrote."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

ERROR = "error_response"
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


class AnswerUnreadable(Exception):
    """The gateway's answer is not shaped as the protocol says, in one short word for the log."""


@dataclass(frozen=True)
class GatewayAnswer:
    """`node` is the raw text that was signed, quotes of a cipher text included; `content` the same, parsed."""

    node: str
    content: Any
    is_error: bool
    sign: str | None
    cert_sn: str | None


def read_answer(body: bytes, method: str) -> GatewayAnswer:
    """Open platform, "response signature": one node, `sign`, perhaps `alipay_cert_sn`. Raises `AnswerUnreadable`.

    The parser itself says where the node ends, so that what is verified and what is read cannot differ.
    """
    try:
        found = _root(body.decode())
    except (ValueError, RecursionError, IndexError):
        raise AnswerUnreadable("not-json") from None
    name = f"{method.replace('.', '_')}_response"
    if (name in found) == (ERROR in found):
        raise AnswerUnreadable("no-node" if name not in found else "two-nodes")
    is_error = ERROR in found
    raw, content = found[ERROR if is_error else name]
    if not isinstance(content, dict if is_error else (dict, str)):
        raise AnswerUnreadable("node-of-another-kind")
    return GatewayAnswer(raw, content, is_error, _text(found, "sign"), _text(found, "alipay_cert_sn"))


def _text(found: dict[str, tuple[str, Any]], name: str) -> str | None:
    value = found[name][1] if name in found else None
    if not isinstance(value, str | None):
        raise AnswerUnreadable(f"{name}-is-no-text")
    return value or None


def _root(text: str) -> dict[str, tuple[str, Any]]:
    """Each member of the root object with its characters as received. Raises `ValueError`, `IndexError`."""
    members: dict[str, tuple[str, Any]] = {}
    at = _expect(text, 0, "{")
    while True:
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str) or name in members:
            raise ValueError("a name twice, or none")
        start = _expect(text, at, ":")
        value, at = _DECODER.raw_decode(text, start)
        members[name] = (text[start:at], value)
        at = _skip(text, at)
        if text[at] == "}":
            break
        at = _expect(text, at, ",")
    if _skip(text, at + 1) != len(text):
        raise ValueError("something follows")
    return members


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at] != mark:
        raise ValueError(f"no {mark}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space
    return space.end()
