"""Without this package residents could neither sign in from Alipay nor prove there who they are."""

from __future__ import annotations

from app.identity.ports import IdentityAuthority, IdentityProver, SignInChannel
from app.kernel import ports
from app.kernel.http import OutboundClient
from app.kernel.settings import get_settings
from integrations.alipay.gateway import Gateway
from integrations.alipay.health import AlipayHealth
from integrations.alipay.identity import AlipayFace, AlipaySignIn, AlipayTwoFactor
from integrations.alipay.phone_numbers import PhoneNumbers
from integrations.alipay.settings import read_settings


def connect(http: OutboundClient) -> None:
    """Read `ALIPAY_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    gateway = Gateway(http, settings)
    phone_numbers = PhoneNumbers(gateway.trust, settings.cipher())
    ports.register(SignInChannel, "alipay", AlipaySignIn(gateway, phone_numbers, settings.app_id))
    ports.register(IdentityProver, "alipay-face", AlipayFace(gateway, get_settings().public_url))
    ports.register(IdentityAuthority, "alipay-two-factor", AlipayTwoFactor(gateway, settings.two_factor_biz_code))
    ports.register(ports.HealthCheck, "alipay", AlipayHealth(gateway))
