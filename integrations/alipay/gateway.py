"""Without this module Alipay would not listen to us, and we would believe anybody who answers in its place.

The SDK gives typed requests and responses; its own client is never imported (ADR 12).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from alipay.aop.api.domain.AlipayOpenAppAlipaycertDownloadModel import AlipayOpenAppAlipaycertDownloadModel
from alipay.aop.api.request.AlipayOpenAppAlipaycertDownloadRequest import AlipayOpenAppAlipaycertDownloadRequest

from app.kernel.clock import SHANGHAI
from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from app.kernel.ports import Term
from integrations.alipay.answers import AnswerUnreadable, GatewayAnswer, read_answer
from integrations.alipay.app_keys import AppKey, AppKeys
from integrations.alipay.keys import SealBroken, sign, text_to_sign
from integrations.alipay.settings import AlipaySettings
from integrations.alipay.trust import Trust

_log = get_logger(__name__)

PROVIDER = "alipay"
SUCCESS = "10000"
TOO_MANY = "40005"
_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8", "Accept": "application/json"}
_WITHOUT_CODE = frozenset({"alipay.system.oauth.token"})
"""Their success carries no `code`; everybody else's does."""
_NOT_OUR_KEY = frozenset({"isv.invalid-signature", "isv.invalid-cert-sn"})
"""The first is published, the second is our reading."""
_PLAIN_CODE = re.compile(r"[0-9A-Za-z._-]{1,64}")


class SdkRequest(Protocol):
    """Any request class of the SDK."""

    def get_params(self) -> dict[str, str]: ...


class SdkResponse(Protocol):
    """Any response class of the SDK."""

    def parse_response_content(self, response_content: str) -> Any: ...


R = TypeVar("R", bound=SdkResponse)


class GatewayRefused(Exception):
    """A `code` that is no success. `msg` and `sub_msg` stay out: they may repeat what we sent.

    Unsigned, it proves that this request came to nothing, no more.
    """

    def __init__(self, method: str, code: str, sub_code: str, *, is_signed: bool) -> None:
        super().__init__(f"{method}: {code} {sub_code}".rstrip())
        self.method = method
        self.code = code
        self.sub_code = sub_code
        self.is_signed = is_signed

    @property
    def outcome_unknown(self) -> bool:
        """Whether it may have taken effect all the same; then ask before repeating."""
        return self.code == "20000" or self.sub_code == "ACQ.SYSTEM_ERROR"


class AlipaySilent(ProviderUnavailable):
    """No usable answer. `outcome_unknown` says that the request may have taken effect there."""

    outcome_unknown = True


def unavailable(cause: str, *, outcome_unknown: bool = True) -> AlipaySilent:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = AlipaySilent(service_zh="支付宝", service_en="Alipay")
    refusal.outcome_unknown = outcome_unknown
    refusal.add_note(cause)
    return refusal


class Gateway:
    """The open platform's one address: typed requests in, verified typed responses out."""

    def __init__(self, http: OutboundClient, settings: AlipaySettings) -> None:
        self._http = http
        self._settings = settings
        self._app = AppKeys(settings.app_keys())
        self._cipher = settings.cipher()
        self.trust = Trust(settings)

    async def ask(self, request: SdkRequest, response: R, *, may_repeat: bool = False) -> R:
        """Ask once (`may_repeat`: see `OutboundClient.send`) and fill `response` from the verified answer.

        Raises `GatewayRefused` when the gateway says no and `ProviderUnavailable` when nothing usable came. While
        our key changes there are two: a refused signature has had no effect and is made again with the other.
        """
        refusal: GatewayRefused | None = None
        for key in self._app.in_order():
            try:
                await self._ask(request, response, key, may_repeat=may_repeat)
            except GatewayRefused as refused:
                if refused.sub_code in _NOT_OUR_KEY:
                    refusal = refusal or refused
                    continue
                self._app.take(key)
                raise
            self._app.take(key)
            return response
        assert refusal is not None
        raise refusal

    def terms(self) -> Sequence[Term]:
        """`Expiring`: the application's certificates and Alipay's."""
        return (*self._app.terms(), *self.trust.terms())

    async def _ask(self, request: SdkRequest, response: SdkResponse, key: AppKey, *, may_repeat: bool) -> None:
        parameters = request.get_params()
        method = parameters["method"]
        try:
            answer = await self._exchange(method, self._sealed(parameters), key, may_repeat=may_repeat)
            node = await self._verified(answer)
        except (AnswerUnreadable, SealBroken) as fault:
            _log.warning("alipay's answer is not usable", operation=method, cause=str(fault))
            raise unavailable(f"{method}: {fault}") from None
        if answer.is_error or not _is_success(method, node.content):
            raise _refusal(method, node.content, is_signed=answer.sign is not None)
        response.parse_response_content(node.node)

    async def verify(self, text: str, signature: str, cert_sn: str | None) -> None:
        """Whether Alipay signed what came to us unasked. Raises `SealBroken`."""
        await self.trust.check(text, signature, cert_sn, self._download)

    def page_url(self, request: SdkRequest) -> str:
        """The signed address of a page method, good for as long as the gateway accepts its timestamp."""
        return f"{self._settings.gateway_url}?{urlencode(self._signed(request.get_params(), self._app.in_force))}"

    def _sealed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Open platform, "content encryption": before signing; methods without `biz_content` go as they are."""
        if self._cipher is None or not self._settings.encrypt_requests or "biz_content" not in parameters:
            return dict(parameters)
        sealed = self._cipher.encrypt(parameters["biz_content"])
        return {**parameters, "biz_content": sealed, "encrypt_type": "AES"}

    def _signed(self, parameters: Mapping[str, str], key: AppKey) -> dict[str, str]:
        """With the common parameters. The timestamp is Beijing's and real, never the settable clock's."""
        whole = {
            **parameters,
            "app_id": self._settings.app_id,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            **key.parameters,
            **self.trust.parameters,
        }
        return {**whole, "sign": sign(key.key, text_to_sign(whole))}

    async def _exchange(
        self, method: str, parameters: Mapping[str, str], key: AppKey, *, may_repeat: bool
    ) -> GatewayAnswer:
        """Sign and send; nothing of the answer is verified yet. The charset also stands in the address: without
        it the gateway reads the body in another one.
        """
        url, body = f"{self._settings.gateway_url}?charset=utf-8", urlencode(self._signed(parameters, key)).encode()
        try:
            answer = await self._http.send(
                PROVIDER, method, "POST", url, headers=_FORM, content=body, may_repeat=may_repeat
            )
        except ProviderSilent as silence:
            _log.warning("alipay is silent", operation=method, cause=str(silence))
            raise unavailable(str(silence), outcome_unknown=silence.outcome_unknown) from None
        if answer.status != 200:
            raise AnswerUnreadable(f"status {answer.status}")
        return read_answer(answer.body, method)

    async def _verified(self, answer: GatewayAnswer) -> GatewayAnswer:
        """Verify first, decrypt second. Only an error may come unsigned: it counts as a refusal at most."""
        if answer.sign is not None:
            await self.trust.check(answer.node, answer.sign, answer.cert_sn, self._download)
        elif not answer.is_error:
            raise SealBroken("unsigned")
        if not isinstance(answer.content, str):
            return answer
        if self._cipher is None:
            raise SealBroken("encrypted-without-key")
        return _opened(answer, self._cipher.decrypt(answer.content))

    async def _download(self, cert_sn: str) -> bytes:
        """`alipay.open.app.alipaycert.download`: the one answer whose signature is not looked at, because its
        key is what is asked for; the certificate has to vouch for itself.
        """
        model = AlipayOpenAppAlipaycertDownloadModel()
        model.alipay_cert_sn = cert_sn
        parameters = AlipayOpenAppAlipaycertDownloadRequest(biz_model=model).get_params()
        try:
            answer = await self._exchange(parameters["method"], parameters, self._app.in_force, may_repeat=True)
            return base64.b64decode(answer.content["alipay_cert_content"], validate=True)
        except (AnswerUnreadable, ProviderUnavailable, KeyError, TypeError, ValueError) as error:
            _log.warning("alipay's certificate not fetched", cert_sn=cert_sn, cause=type(error).__name__)
            raise SealBroken("certificate-not-fetched") from None


def _opened(answer: GatewayAnswer, text: str) -> GatewayAnswer:
    """The same answer with what was inside; a cipher text may hold a refusal too."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SealBroken("ciphertext")
    return replace(answer, node=text, content=content)


def _is_success(method: str, content: Mapping[str, Any]) -> bool:
    code = content.get("code")
    return code == SUCCESS or (code is None and "sub_code" not in content and method in _WITHOUT_CODE)


def _refusal(method: str, content: Mapping[str, Any], *, is_signed: bool) -> GatewayRefused:
    code, sub_code = _plain(content.get("code")), _plain(content.get("sub_code"))
    return GatewayRefused(method, code, sub_code, is_signed=is_signed)


def _plain(code: object) -> str:
    """Codes go into logs and verdicts; what is not shaped like one does not."""
    return code if isinstance(code, str) and _PLAIN_CODE.fullmatch(code) else ""
