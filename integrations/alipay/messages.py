"""Without this module a resident on Alipay would have to open the app to hear of anything."""

from __future__ import annotations

import json
from datetime import timedelta

from alipay.aop.api.domain.AlipayOpenAppMiniTemplatemessageSendModel import AlipayOpenAppMiniTemplatemessageSendModel
from alipay.aop.api.request.AlipayOpenAppMiniTemplatemessageSendRequest import (
    AlipayOpenAppMiniTemplatemessageSendRequest,
)
from alipay.aop.api.response.AlipayOpenAppMiniTemplatemessageSendResponse import (
    AlipayOpenAppMiniTemplatemessageSendResponse,
)

from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.messages.ports import (
    Address,
    FieldStyle,
    Letter,
    Misconfigured,
    NotTaken,
    Outcome,
    Refused,
    Sent,
    Unsure,
)
from integrations.alipay.gateway import TOO_MANY, AlipaySilent, Gateway, GatewayRefused
from integrations.alipay.pay_truth import is_user_id

_log = get_logger(__name__)

_BUSINESS = "40004"
_OURS = ("TEMPLATE", "PARAMETER", "PAGE", "PERMISSION")
"""Parts of sub codes that speak of what we sent, not of the user."""


class AlipayMessages:
    """`MessageChannel`: template messages (protocols/alipay.md 5.1)."""

    name_zh = "支付宝消息"
    name_en = "Alipay messages"
    address = Address.USER
    style = FieldStyle.KEYWORDS
    asks_consent = True

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send(self, letter: Letter) -> Outcome:
        """`alipay.open.app.mini.templatemessage.send`; its answer has no number of the message."""
        request = AlipayOpenAppMiniTemplatemessageSendRequest(biz_model=_told(letter))
        try:
            await self._gateway.ask(request, AlipayOpenAppMiniTemplatemessageSendResponse())
        except GatewayRefused as refused:
            return _verdict(refused)
        except AlipaySilent as silence:
            return Unsure("no answer") if silence.outcome_unknown else NotTaken("not reached")
        except ProviderUnavailable:
            return Unsure("no answer")
        return Sent()


def _told(letter: Letter) -> AlipayOpenAppMiniTemplatemessageSendModel:
    """The values are JSON in text, inside the JSON."""
    model = AlipayOpenAppMiniTemplatemessageSendModel()
    if is_user_id(letter.to):
        model.to_user_id = letter.to
    else:
        model.to_open_id = letter.to
    model.user_template_id = letter.template
    model.page = letter.page
    data = {name: {"value": text} for name, text in letter.fields.items()}
    model.data = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return model


def _verdict(refused: GatewayRefused) -> Outcome:
    """A business refusal is final (5.1). Its sub codes are not published: what does not speak of us is the user's."""
    code = refused.sub_code or refused.code
    if refused.outcome_unknown:
        return Unsure(code)
    if refused.code == TOO_MANY:
        return NotTaken(code, timedelta(minutes=1))
    if refused.code == _BUSINESS and not any(part in code.upper() for part in _OURS):
        return Refused(code, consent_used_up=True)
    _log.error("alipay refused", operation=refused.method, code=refused.code, sub_code=refused.sub_code)
    return Misconfigured(code)
