"""Without this module an operator would learn of a wrong key from the first resident who wants to pay."""

from __future__ import annotations

from app.kernel.errors import ProviderUnavailable
from app.kernel.ports import NeedsAttention
from app.payments.ports import PaymentState
from integrations.wechat.pay_client import PayClient
from integrations.wechat.pay_keys import SealBroken, new_nonce
from integrations.wechat.payments import WechatPay
from integrations.wechat.shipping import WechatShipping
from integrations.wechat.tokens import StableToken

_BROKEN = {
    "ciphertext": "WeChat Pay seals with another key than WECHAT_PAY_API_V3_KEY, so no notice can be opened: set the"
    " APIv3 key of the merchant platform",
}
_UNVERIFIED = (
    "what WeChat Pay signs cannot be verified ({reason}): set WECHAT_PAY_PUBLIC_KEY_ID and its file as the merchant"
    " platform shows them"
)


class NotAccepted(Exception):
    """WeChat does not accept us, with the cause."""


class WechatHealth:
    """`HealthCheck`: an access token, and a signed question about an order that cannot exist.

    The answer to that question is an unsigned refusal: whether our APIv3 key and our copy of the platform's public key
    are the right ones show its certificates, which are sealed and signed; of a merchant it gives none to any more, only
    the first order. `untold` is there while WeChat is told of no shipping.
    """

    name = "WeChat and WeChat Pay"

    def __init__(self, token: StableToken, client: PayClient, pay: WechatPay, untold: WechatShipping | None) -> None:
        self._token = token
        self._client = client
        self._pay = pay
        self._untold = untold

    async def check(self) -> str:
        """Raises `NotAccepted` or `NeedsAttention`. WeChat Pay cannot know an order of a number made up just now."""
        try:
            await self._token.ask_now()
            truth = await self._pay.ask(new_nonce())
        except ProviderUnavailable as refusal:
            raise NotAccepted("; ".join(refusal.__notes__)) from None
        if truth.state is not PaymentState.UNKNOWN:
            raise NotAccepted("WeChat Pay knows an order that does not exist")
        try:
            await self._client.trust.probe()
        except SealBroken as broken:
            raise NotAccepted(_BROKEN.get(broken.reason, _UNVERIFIED).format(reason=broken.reason)) from None
        if self._client.trust.preferred() is None:
            raise NotAccepted(
                "there is no key of the platform to verify with: set WECHAT_PAY_PUBLIC_KEY_ID and its file"
            )
        if self._untold is not None and await self._untold.is_wanted():
            raise NeedsAttention(
                "accepts us, but the account is under trade management and WeChat is not told what payments brought",
                "set WECHAT_SHIPPING_INFO=true, or what residents pay stays frozen (docs/operations.md, Frozen money)",
            )
        return "WeChat gave an access token, WeChat Pay accepts our signature"
