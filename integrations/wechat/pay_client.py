"""Without this module WeChat Pay would not listen to us, and we would believe anybody who answers in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import MAX_ANSWER_BYTES, Answer, OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from app.kernel.ports import Term
from integrations.wechat.pay_errors import PayRefused, refusal_of
from integrations.wechat.pay_keys import MerchantKey, MerchantKeys, SealBroken, new_nonce, seconds_now
from integrations.wechat.pay_trust import PlatformTrust
from integrations.wechat.settings import WechatSettings

_log = get_logger(__name__)

PROVIDER = "wechat"
_WAITS = (0.2, 0.8, None)
_CERTIFICATES = "/v3/certificates"
T = TypeVar("T")


def unavailable(cause: str) -> ProviderUnavailable:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = ProviderUnavailable(service_zh="微信支付", service_en="WeChat Pay")
    refusal.add_note(cause)
    return refusal


class PayClient:
    """WeChat Pay API v3: one way to ask, one way to verify what WeChat signed."""

    def __init__(self, http: OutboundClient, settings: WechatSettings) -> None:
        self._http = http
        self._base_url = settings.pay_base_url
        self.merchant = MerchantKeys(settings.merchant_keys())
        self.trust = PlatformTrust(settings, self._certificates)

    def terms(self) -> Sequence[Term]:
        """`Expiring`: the merchant's certificates and the platform's."""
        return (*self.merchant.terms(), *self.trust.terms())

    async def request(
        self,
        operation: str,
        method: str,
        target: str,
        content: Mapping[str, Any] | None = None,
        *,
        tell_to_wait: bool = False,
    ) -> dict[str, Any]:
        """Ask and give the verified answer; an empty one (204) is an empty dict.

        Only for requests WeChat answers alike when repeated, which orders, refunds, queries and closings are:
        a lost connection, a 5xx and a bad signature (WeChat probes with those) are tried again, signed afresh.
        Raises `PayRefused` when WeChat says no (with `tell_to_wait` also for "too often") and `ProviderUnavailable`
        when nothing usable came.
        """
        await self.trust.keep_fresh()
        body = b"" if content is None else orjson.dumps(content)
        url = self._base_url + target

        async def ask(key: MerchantKey) -> dict[str, Any]:
            answer = await self._exchange(operation, method, url, body, key, self.trust.preferred())
            if answer.status not in {200, 204}:
                raise refusal_of(answer)
            await self.trust.verify(answer.headers, answer.body)
            return _content(answer)

        return await self._insist(operation, ask, tell_to_wait=tell_to_wait)

    async def be_sure_of_our_key(self) -> None:
        """Find out which key of ours is in force, while there are two and none was taken a moment ago. Whatever stands
        in the way: then the one is believed that was taken last.
        """
        if self.merchant.is_sure:
            return
        try:
            await self._certificates(self.trust.preferred())
        except (PayRefused, ProviderSilent) as silence:
            _log.warning("wechat pay does not say which key of ours it takes", cause=str(silence))

    async def download(self, operation: str, url: str, most_bytes: int) -> bytes:
        """A file at an address WeChat gave us. Nobody signs it: its hash has to be looked at. Raises as `request`."""
        if not url.startswith((f"{self._base_url}/", "https://")):
            raise unavailable(f"{operation}: an address that is not WeChat's")

        async def ask(key: MerchantKey) -> bytes:
            answer = await self._exchange(operation, "GET", url, b"", key, None, most_bytes=most_bytes)
            if answer.status != 200:
                raise refusal_of(answer)
            return answer.body

        return await self._insist(operation, ask)

    async def _insist(
        self, operation: str, ask: Callable[[MerchantKey], Awaitable[T]], *, tell_to_wait: bool = False
    ) -> T:
        """Ask until there is something usable, at most three times."""
        cause = ""
        for wait in _WAITS:
            try:
                return await self._with_a_key_in_force(ask)
            except PayRefused as refused:
                if tell_to_wait and refused.is_too_often:
                    raise
                if not refused.may_pass:
                    raise self._told(operation, refused) from None
                cause = str(refused)
            except ProviderSilent as silence:
                cause = str(silence)
            except SealBroken as broken:
                cause = broken.reason
            _log.warning("wechat pay gave no usable answer", operation=operation, cause=cause)
            if wait is not None:
                await asyncio.sleep(wait)
        raise unavailable(f"{operation}: {cause}")

    async def _with_a_key_in_force(self, ask: Callable[[MerchantKey], Awaitable[T]]) -> T:
        """While the merchant's certificate changes there are two, and WeChat ends one when it likes: a refused
        signature is made again with the other. A refusal of that kind has had no effect.
        """
        refusal: PayRefused | None = None
        for key in self.merchant.in_order():
            try:
                answer = await ask(key)
            except PayRefused as refused:
                if refused.is_of_our_key:
                    refusal = refusal or refused
                    continue
                self.merchant.take(key)
                raise
            self.merchant.take(key)
            return answer
        assert refusal is not None
        raise refusal

    async def _exchange(
        self,
        operation: str,
        method: str,
        url: str,
        body: bytes,
        key: MerchantKey,
        serial: str | None,
        *,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Sign and send these bytes once; nothing of the answer is verified yet."""
        parts = urlsplit(url)
        target = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        authorization = key.authorization(method, target, body, timestamp=seconds_now(), nonce=new_nonce())
        headers = {
            "Authorization": authorization,
            "Accept": "application/json" if most_bytes == MAX_ANSWER_BYTES else "*/*",
            "User-Agent": "zhangting/1",
            **({"Wechatpay-Serial": serial} if serial else {}),
            **({"Content-Type": "application/json"} if body else {}),
        }
        return await self._http.send(
            PROVIDER, operation, method, url, headers=headers, content=body or None, most_bytes=most_bytes
        )

    async def _certificates(self, serial: str | None) -> Answer:
        async def ask(key: MerchantKey) -> Answer:
            answer = await self._exchange("certificates", "GET", self._base_url + _CERTIFICATES, b"", key, serial)
            if answer.status != 200:
                raise refusal_of(answer)
            return answer

        return await self._with_a_key_in_force(ask)

    def _told(self, operation: str, refused: PayRefused) -> Exception:
        """A refusal of the order goes on; one of ourselves, or of the moment, is no word on the order."""
        if refused.is_about_us:
            _log.error(
                "wechat pay refuses this merchant", operation=operation, code=refused.code, rid=refused.request_id
            )
            return unavailable(f"{operation}: {refused}")
        if refused.is_of_the_moment:
            _log.warning("wechat pay asks to wait", operation=operation, code=refused.code)
            return unavailable(f"{operation}: {refused}")
        return refused


def _content(answer: Answer) -> dict[str, Any]:
    if not answer.body:
        return {}
    try:
        content = orjson.loads(answer.body)
    except ValueError:
        raise SealBroken("not-json") from None
    if not isinstance(content, dict):
        raise SealBroken("not-an-object")
    return content
