"""Without this module a resident on WeChat would have to open the app to hear of anything."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.kernel import clock
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
from integrations.wechat.api import BUSY, MiniProgramApi, WechatRefused
from integrations.wechat.tokens import WechatSilent

_log = get_logger(__name__)

_LANGUAGES = {"zh": "zh_CN", "en": "en_US"}
_NO_CONSENT = 43101
_UNREACHABLE = frozenset({40003, 43107, 43108, 43111, 50002})
"""No such user of this mini-program, or one who is not to be written to for another reason."""

_QUOTA_USED_UP, _TOO_OFTEN = 45009, 45011
_MINUTE = timedelta(minutes=1)


class WechatMessages:
    """`MessageChannel`: subscribe messages (protocols/wechat.md 3)."""

    name_zh = "微信订阅消息"
    name_en = "WeChat messages"
    address = Address.USER
    style = FieldStyle.TYPED
    asks_consent = True

    def __init__(self, api: MiniProgramApi, state: str) -> None:
        self._api = api
        self._state = state

    async def send(self, letter: Letter) -> Outcome:
        """Mini-program server API, "subscribeMessage.send". Without an answer nobody knows whether it went out."""
        content = {
            "touser": letter.to,
            "template_id": letter.template,
            "page": letter.page,
            "miniprogram_state": self._state,
            "lang": _LANGUAGES[letter.language],
            "data": {name: {"value": text} for name, text in letter.fields.items()},
        }
        try:
            told = await self._api.call("/cgi-bin/message/subscribe/send", content)
        except WechatRefused as refused:
            return _verdict(refused)
        except WechatSilent as silence:
            return Unsure("no answer") if silence.outcome_unknown else NotTaken("not reached")
        except ProviderUnavailable:
            return NotTaken("no access token")
        msgid = told.get("msgid")
        return Sent(str(msgid) if type(msgid) is int or isinstance(msgid, str) else None)


def _verdict(refused: WechatRefused) -> Outcome:
    code = str(refused.errcode)
    if refused.errcode == _NO_CONSENT:
        return Refused(code, consent_used_up=True)
    if refused.errcode in _UNREACHABLE:
        return Refused(code)
    if refused.errcode == BUSY:
        return NotTaken(code)
    if refused.errcode == _TOO_OFTEN:
        return NotTaken(code, _MINUTE)
    if refused.errcode == _QUOTA_USED_UP:
        return NotTaken(code, _until_midnight(clock.now()))
    _log.error("wechat refused", operation=refused.operation, errcode=refused.errcode, rid=refused.rid)
    return Misconfigured(code)


def _until_midnight(now: datetime) -> timedelta:
    """Day quotas begin again at midnight in Beijing; a minute later is soon enough."""
    shown = clock.local(now)
    begun = shown.replace(hour=0, minute=0, second=0, microsecond=0)
    return begun + timedelta(days=1) + _MINUTE - shown
