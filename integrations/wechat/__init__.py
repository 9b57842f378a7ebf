"""Without this package residents could neither sign in from WeChat nor prove who they are nor pay there."""

from __future__ import annotations

from app.fulfilment.ports import FulfilmentRegister
from app.identity.ports import IdentityProver, SessionData, SignInChannel
from app.kernel import ports
from app.kernel.callbacks import CallbackGreeter, CallbackReader
from app.kernel.http import OutboundClient
from app.kernel.settings import get_settings
from app.links.ports import AppCodes, AppOpener
from app.messages.ports import MessageChannel
from app.payments.ports import PaymentChannel
from app.texts.ports import ContentCheck
from integrations.wechat.api import MiniProgramApi
from integrations.wechat.health import WechatHealth
from integrations.wechat.identity import WechatFace, WechatSessionData, WechatSignIn
from integrations.wechat.links import WechatLinks
from integrations.wechat.messages import WechatMessages
from integrations.wechat.pay_client import PayClient
from integrations.wechat.pay_notify import WechatPayNotices
from integrations.wechat.payments import WechatPay
from integrations.wechat.pushes import WechatPushes
from integrations.wechat.settings import read_settings
from integrations.wechat.shipping import WechatShipping
from integrations.wechat.texts import WechatTexts
from integrations.wechat.tokens import StableToken


def connect(http: OutboundClient) -> None:
    """Read `WECHAT_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    access = StableToken(http, settings)
    api = MiniProgramApi(http, settings, access)
    client = PayClient(http, settings)
    pay = WechatPay(client, settings, get_settings().public_url)
    links = WechatLinks(api, settings.state)
    ports.register(SignInChannel, "wechat", WechatSignIn(api, settings.app_id))
    ports.register(SessionData, "wechat", WechatSessionData(settings.app_id))
    ports.register(IdentityProver, "wechat-face", WechatFace(api))
    ports.register(PaymentChannel, "wechat", pay)
    ports.register(ContentCheck, "wechat", WechatTexts(api))
    ports.register(MessageChannel, "wechat", WechatMessages(api, settings.state))
    shipping = WechatShipping(api, settings.pay_mch_id)
    if settings.shipping_info:
        ports.register(FulfilmentRegister, "wechat", shipping)
    ports.register(AppOpener, "wechat", links)
    ports.register(AppCodes, "wechat", links)
    if settings.push_token is not None and settings.push_aes_key is not None:
        token, aes_key = settings.push_token.get_secret_value(), settings.push_aes_key.get_secret_value()
        pushes = WechatPushes(settings.app_id, token, aes_key)
        ports.register(CallbackReader, "wechat/events", pushes)
        ports.register(CallbackGreeter, "wechat/events", pushes)
    ports.register(CallbackReader, "wechat/payment", WechatPayNotices(client, settings))
    untold = None if settings.shipping_info else shipping
    ports.register(ports.HealthCheck, "wechat", WechatHealth(access, client, pay, untold))
    ports.register(ports.Expiring, "wechat", client)
