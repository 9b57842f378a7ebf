"""Without this package residents could neither sign in from Alipay nor prove who they are nor pay there."""

from __future__ import annotations

from app.identity.ports import IdentityAuthority, IdentityProver, SignInChannel
from app.kernel import ports
from app.kernel.callbacks import CallbackReader
from app.kernel.http import OutboundClient
from app.kernel.settings import get_settings
from app.links.ports import AppOpener
from app.messages.ports import MessageChannel
from app.payments.ports import PaymentChannel
from app.texts.ports import ContentCheck
from integrations.alipay.gateway import Gateway
from integrations.alipay.health import AlipayHealth
from integrations.alipay.identity import AlipayFace, AlipaySignIn, AlipayTwoFactor
from integrations.alipay.links import AlipayLinks
from integrations.alipay.messages import AlipayMessages
from integrations.alipay.pay_accounts import Accounts
from integrations.alipay.pay_notify import AlipayNotices
from integrations.alipay.payments import AlipayPay
from integrations.alipay.phone_numbers import PhoneNumbers
from integrations.alipay.settings import read_settings
from integrations.alipay.texts import AlipayTexts


def connect(http: OutboundClient) -> None:
    """Read `ALIPAY_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    gateway = Gateway(http, settings)
    phone_numbers = PhoneNumbers(gateway.trust, settings.cipher())
    accounts = Accounts(gateway, http, settings.seller_id)
    us, public_url = (settings.app_id, settings.seller_id), get_settings().public_url
    ports.register(SignInChannel, "alipay", AlipaySignIn(gateway, phone_numbers, settings.app_id))
    ports.register(IdentityProver, "alipay-face", AlipayFace(gateway, public_url))
    ports.register(IdentityAuthority, "alipay-two-factor", AlipayTwoFactor(gateway, settings.two_factor_biz_code))
    ports.register(ContentCheck, "alipay", AlipayTexts(gateway))
    ports.register(MessageChannel, "alipay", AlipayMessages(gateway))
    ports.register(AppOpener, "alipay", AlipayLinks(settings.app_id))
    ports.register(PaymentChannel, "alipay", AlipayPay(gateway, accounts, *us, public_url))
    ports.register(CallbackReader, "alipay/payment", AlipayNotices(gateway, *us))
    ports.register(ports.HealthCheck, "alipay", AlipayHealth(gateway))
    ports.register(ports.Expiring, "alipay", gateway)
