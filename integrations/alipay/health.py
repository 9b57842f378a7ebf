"""Without this module an operator would learn of a wrong key from the first resident who wants to sign in."""

from __future__ import annotations

import secrets

from alipay.aop.api.request.AlipaySystemOauthTokenRequest import AlipaySystemOauthTokenRequest
from alipay.aop.api.response.AlipaySystemOauthTokenResponse import AlipaySystemOauthTokenResponse

from app.kernel.errors import ProviderUnavailable
from integrations.alipay.gateway import Gateway, GatewayRefused
from integrations.alipay.identity import CODE_INVALID


class NotAccepted(Exception):
    """Alipay does not accept us, with the cause."""


class AlipayHealth:
    """`HealthCheck`: a signed question with a login code made up just now, which every application may ask."""

    name = "Alipay"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def check(self) -> str:
        """Raises `NotAccepted` for any answer but "no such code", which comes after all checks of our keys."""
        request = AlipaySystemOauthTokenRequest()
        request.grant_type = "authorization_code"
        request.code = secrets.token_hex(16)
        try:
            await self._gateway.ask(request, AlipaySystemOauthTokenResponse())
        except ProviderUnavailable as refusal:
            raise NotAccepted("; ".join(refusal.__notes__)) from None
        except GatewayRefused as refused:
            if refused.sub_code != CODE_INVALID:
                raise NotAccepted(str(refused)) from None
            if refused.is_signed:
                return "Alipay accepts our signature and we accept its"
            return "Alipay accepts our signature; this refusal bore none of its own"
        raise NotAccepted("Alipay knows a login code that does not exist")
