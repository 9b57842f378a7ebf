"""Without this module nobody could sign in from WeChat or prove there who they are."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wechatpy.crypto import WeChatWxaCrypto

from app.identity.errors import PhoneCodeInvalid, SessionDataUnreadable, SignInBlocked, SignInCodeInvalid
from app.identity.ports import ChannelIdentity, PersonClaim, ProofOutcome, ProofVerdict, StartedProof
from app.kernel import clock
from app.kernel.errors import ProviderUnavailable, TooManyRequests
from app.kernel.logging import get_logger
from integrations.wechat.api import MiniProgramApi, WechatRefused
from integrations.wechat.tokens import unavailable

_log = get_logger(__name__)

_LONGEST_CODE = 512
_LONGEST_DATA = 4096
_NUMBER = re.compile(r"[0-9]{5,15}")
_COUNTRY = re.compile(r"[0-9]{1,4}")
_FREQUENCY = 45011
_FREQUENCY_WAIT = 60
_LOGIN_CODE_INVALID = frozenset({40029, 40163})
_LOGIN_BLOCKED = 40226
_PHONE_CODE_INVALID = frozenset({40029, 40163, 40013, 40003})
"""Also a code of another mini-program or of another user: its holder has to tap the button again."""

_PASSED = 10000
_VERDICTS = {
    _PASSED: ProofVerdict.PASSED,
    10002: ProofVerdict.NOT_RECOGNISED,
    10003: ProofVerdict.MISMATCH,
    10004: ProofVerdict.NOT_RECOGNISED,
    **dict.fromkeys(range(90002, 90007), ProofVerdict.CANCELLED),
    # The platform documents no code for an attempt nobody made yet. No value, or its general fault of the
    # phone, is what there is until the phone has reported: the verifyId can still be used.
    0: ProofVerdict.PENDING,
    90199: ProofVerdict.PENDING,
}
_ATTEMPT_REFUSED = frozenset({40003, 40097})
"""The platform knows no such attempt of this person; asking again will not change that."""


class WechatSignIn:
    """`SignInChannel` of the mini-program."""

    name_zh = "微信"
    name_en = "WeChat"

    def __init__(self, api: MiniProgramApi, app_id: str) -> None:
        self._api = api
        self._app_id = app_id

    async def exchange(self, code: str) -> ChannelIdentity:
        """Mini-program server API, "code2Session"."""
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInCodeInvalid
        try:
            told = await self._api.code_to_session(code)
        except WechatRefused as refused:
            if refused.errcode in _LOGIN_CODE_INVALID:
                raise SignInCodeInvalid from None
            if refused.errcode == _LOGIN_BLOCKED:
                raise SignInBlocked from None
            raise _too_many_or_other(refused) from None
        open_id, union_id = told.get("openid"), told.get("unionid")
        if not isinstance(open_id, str) or not open_id:
            raise _unusable("jscode2session", "no openid")
        return ChannelIdentity(
            self._app_id, open_id, _text_or_none(union_id), session_secret=_text_or_none(told.get("session_key"))
        )

    async def phone_number(self, code: str, open_id: str) -> str:
        """Mini-program server API, "getPhoneNumber": a mainland number bare, any other as `+<country><number>`."""
        if not 0 < len(code) <= _LONGEST_CODE:
            raise PhoneCodeInvalid
        try:
            told = await self._api.call("/wxa/business/getuserphonenumber", {"code": code, "openid": open_id})
        except WechatRefused as refused:
            if refused.errcode in _PHONE_CODE_INVALID:
                _log.info("phone code refused", errcode=refused.errcode, rid=refused.rid)
                raise PhoneCodeInvalid from None
            raise _too_many_or_other(refused) from None
        info = _part(told, "phone_info")
        if _part(info, "watermark").get("appid") != self._app_id:
            raise _unusable("getuserphonenumber", "another mini-program's watermark")
        number = _number(info)
        if number is None:
            raise _unusable("getuserphonenumber", "not a number")
        return number

    def voucher(self, code: str) -> str:
        return code


class WechatSessionData:
    """`SessionData` of older phones: AES-128-CBC under the session_key, which only WeChat and we know.

    There is no check sum: a session_key that was replaced meanwhile shows as broken padding, text or JSON, or as
    nonsense that happens to be text. So whatever is not entirely as WeChat writes it does not open.
    """

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id

    def phone_number(self, session_secret: str, encrypted: str, iv: str) -> str:
        """Mini-program, "encryptedData"; wechatpy sees to the watermark."""
        if len(encrypted) > _LONGEST_DATA or not (_is_base64(encrypted) and _is_base64(iv)):
            raise SessionDataUnreadable
        try:
            info = WeChatWxaCrypto(session_secret, iv, self._app_id).decrypt_message(encrypted)
            number, whole = _number(info), str(info["phoneNumber"])
        except Exception:  # noqa: BLE001 - wechatpy lets everything out: of keys, padding, text, JSON and its shape
            raise SessionDataUnreadable from None
        # Without a check sum a bit can be turned on the way: the number is told twice and has to agree.
        if number is None or whole.lstrip("+") not in {info["purePhoneNumber"], number.lstrip("+")}:
            raise SessionDataUnreadable
        return number


class WechatFace:
    """`IdentityProver` by face. City service, "getVerifyId" and "queryVerifyInfo".

    What the phone says about the result is never asked for, here or anywhere.
    """

    level = 4
    channel = "wechat"
    name_zh = "微信人脸核验"
    name_en = "WeChat face verification"

    def __init__(self, api: MiniProgramApi) -> None:
        self._api = api

    async def begin(self, reference: str, claim: PersonClaim) -> StartedProof:
        question = {"out_seq_no": reference, "cert_info": _certificate(claim), "openid": claim.open_id}
        try:
            told = await self._api.call("/cityservice/face/identify/getverifyid", question)
        except WechatRefused as refused:
            raise _other(refused) from None
        ticket, seconds = told.get("verify_id"), told.get("expires_in")
        if not isinstance(ticket, str) or not ticket or type(seconds) is not int:
            raise _unusable("getverifyid", "no verify_id")
        return StartedProof(ticket, clock.now() + timedelta(seconds=seconds))

    async def outcome(self, reference: str, ticket: str, claim: PersonClaim) -> ProofOutcome:
        """Only errcode 0 together with verify_ret 10000 is a pass; a code we do not know never is."""
        question = {
            "verify_id": ticket,
            "out_seq_no": reference,
            "cert_hash": cert_hash(_certificate(claim)),
            "openid": claim.open_id,
        }
        try:
            told = await self._api.call("/cityservice/face/identify/queryverifyinfo", question, may_repeat=True)
        except WechatRefused as refused:
            if refused.errcode in _ATTEMPT_REFUSED:
                _log.warning("face attempt refused", errcode=refused.errcode, rid=refused.rid)
                return ProofOutcome(ProofVerdict.TECHNICAL, f"errcode {refused.errcode}")
            raise _other(refused) from None
        result = told.get("verify_ret") or 0
        known = type(result) is int
        verdict = _VERDICTS.get(result, ProofVerdict.TECHNICAL) if known else ProofVerdict.TECHNICAL
        return ProofOutcome(verdict, str(result)[:20])


def cert_hash(certificate: Mapping[str, str]) -> str:
    """City service, "queryVerifyInfo": lower-case SHA-256 over the three values in base64."""
    names = ("cert_type", "cert_name", "cert_no")
    text = "&".join(f"{name}={base64.b64encode(certificate[name].encode()).decode()}" for name in names)
    return hashlib.sha256(text.encode()).hexdigest()


def _certificate(claim: PersonClaim) -> dict[str, str]:
    return {"cert_type": "IDENTITY_CARD", "cert_name": claim.name, "cert_no": claim.id_number}


def _too_many_or_other(refused: WechatRefused) -> Exception:
    return TooManyRequests(_FREQUENCY_WAIT) if refused.errcode == _FREQUENCY else _other(refused)


def _other(refused: WechatRefused) -> ProviderUnavailable:
    """Nothing the resident could change; an operator has to look."""
    _log.error("wechat refused", operation=refused.operation, errcode=refused.errcode, rid=refused.rid)
    return unavailable(str(refused))


def _unusable(operation: str, cause: str) -> ProviderUnavailable:
    _log.error("wechat's answer is not usable", operation=operation, cause=cause)
    return unavailable(f"{operation}: {cause}")


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(info: Mapping[str, Any]) -> str | None:
    """A mainland number bare, any other as `+<country><number>`; None when it is none."""
    number, country = str(info.get("purePhoneNumber", "")), str(info.get("countryCode", "")).lstrip("+")
    if not (_NUMBER.fullmatch(number) and _COUNTRY.fullmatch(country)):
        return None
    return number if country == "86" else f"+{country}{number}"


def _is_base64(text: str) -> bool:
    """In the one way of writing it: what can be written differently could be handed in twice."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
