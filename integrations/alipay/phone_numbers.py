"""Without this module anybody could say that any number is theirs.

Mini-program, `my.getPhoneNumber`: the phone hands over a text that Alipay signed and, under the application's AES
key, encrypted. It holds no user, no time and no nonce: that it is used once, in the session that brought it, is the
caller's to see to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from app.identity.errors import PhoneCodeInvalid
from app.kernel.logging import get_logger
from integrations.alipay.gateway import SUCCESS, unavailable
from integrations.alipay.keys import ContentCipher, SealBroken
from integrations.alipay.trust import Trust

_log = get_logger(__name__)

_LONGEST = 8192
_NUMBER = re.compile(r"[0-9]{5,20}")
_PLAIN_CODE = re.compile(r"[0-9A-Za-z._-]{1,64}")


class PhoneNumbers:
    def __init__(self, trust: Trust, cipher: ContentCipher | None) -> None:
        self._trust = trust
        self._cipher = cipher

    def open(self, told: str) -> str:
        """The bare number inside. Raises `PhoneCodeInvalid` for whatever does not open, and
        `ProviderUnavailable` when only our own key is missing.
        """
        try:
            content = self._content(_object(told))
        except SealBroken as fault:
            _log.warning("phone number does not open", cause=fault.reason)
            raise PhoneCodeInvalid from None
        number = str(content.get("mobile", ""))
        if content.get("code") != SUCCESS or not _NUMBER.fullmatch(number):
            # An operator has to look: mostly the product is not granted to the mini-program.
            _log.error("alipay gave no phone number", code=_plain(content, "code"), sub_code=_plain(content, "subCode"))
            raise PhoneCodeInvalid
        return number

    def signed_part(self, told: str) -> str:
        """What no holder can write differently: blanks and further fields around it are not signed."""
        try:
            return str(_object(told).get("response"))
        except SealBroken:
            return told

    def _content(self, outer: Mapping[str, Any]) -> Mapping[str, Any]:
        content = _object(self._opened(outer))
        if self._cipher is not None and _is_plain(outer) and content.get("code") == SUCCESS:
            # For an application that has a key Alipay encrypts: in the clear it was made for another application.
            raise SealBroken("not-encrypted")
        return content

    def _opened(self, outer: Mapping[str, Any]) -> str:
        """What was signed is the cipher text with its quotes, or, where nothing is encrypted, the text itself."""
        response, signature = outer.get("response"), outer.get("sign")
        if not isinstance(response, str) or not response:
            raise SealBroken("empty")
        if not isinstance(signature, str) or not signature:
            # So it comes while the console lacks the gateway, the AES key or the public key of the application.
            raise SealBroken("unsigned")
        if _is_plain(outer):
            self._trust.check_offline(response, signature)
            return response
        self._trust.check_offline(f'"{response}"', signature)
        if self._cipher is None:
            _log.error("a phone number cannot be opened: ALIPAY_AES_KEY is not set")
            raise unavailable("my.getPhoneNumber: ALIPAY_AES_KEY is not set")
        return self._cipher.decrypt(response)


def _is_plain(outer: Mapping[str, Any]) -> bool:
    return str(outer.get("response")).startswith("{")


def _object(text: str) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        raise SealBroken("too-long")
    try:
        content = orjson.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise SealBroken("not-json")
    return content


def _plain(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) and _PLAIN_CODE.fullmatch(value) else ""
