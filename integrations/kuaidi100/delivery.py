"""Without this module nobody could ask where a parcel is, or have it watched."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.delivery.ports import SubscriptionRefused, TrackingSnapshot
from app.kernel.logging import get_logger
from integrations.kuaidi100.api import PROVIDER, Kuaidi100Api, Reply, unavailable
from integrations.kuaidi100.carriers import load_carriers
from integrations.kuaidi100.settings import Kuaidi100Settings
from integrations.kuaidi100.states import events_of, is_untimed

_log = get_logger(__name__)

_NUMBER = re.compile(r"[0-9A-Za-z]{6,32}")
_PHONE_TAIL = re.compile(r"\d{4}")
_ALARMS = frozenset({"503", "600", "601"})
"""Our key, our signature or our contract: an operator has to look."""

_SUBSCRIBE_REFUSALS = {
    "400": "提交的信息不完整",
    "408": "手机号后四位与该运单不符",
    "700": "快递查询服务未接受订阅:请核对单号;同一单号每月最多订阅4次",
    "701": "不支持该快递公司",
    "702": "无法识别该单号所属的快递公司",
}
_QUERY_REFUSALS = {"400": "提交的信息不完整", "408": "手机号后四位与该运单不符"}


class Kuaidi100Tracker:
    """`ParcelTracker` over Kuaidi100's enterprise API."""

    def __init__(self, api: Kuaidi100Api, settings: Kuaidi100Settings, public_url: str) -> None:
        self._api = api
        self._salt = settings.salt
        self._callback_url = f"{public_url.rstrip('/')}/callbacks/kuaidi100/tracking"
        self._table = load_carriers()
        self.carriers: Mapping[str, str] = {carrier.code: carrier.name_zh for carrier in self._table.values()}

    def needs_phone_tail(self, carrier: str) -> bool:
        known = self._table.get(carrier)
        return known is not None and known.phone == "required"

    async def subscribe(self, carrier: str, number: str, phone_tail: str | None) -> None:
        """Enterprise API, "subscribe". At most four times a month per number; 501 is "already watched"."""
        tail = self._checked(carrier, number, phone_tail)
        parameters = {
            "callbackurl": self._callback_url,
            "salt": self._salt.get_secret_value(),
            "resultv2": "4",
            "autoCom": "0",
            **tail,
        }
        reply = await self._api.subscribe({"company": carrier, "number": number, "parameters": parameters})
        if reply.code in {"200", "501"}:
            return
        raise _refusal("subscribe", reply, _SUBSCRIBE_REFUSALS)

    async def query(self, carrier: str, number: str, phone_tail: str | None) -> TrackingSnapshot | None:
        """Enterprise API, "real-time query". 500 is "nothing known yet"."""
        tail = self._checked(carrier, number, phone_tail)
        question = {"com": carrier, "num": number, **tail, "resultv2": "4", "show": "0", "order": "desc"}
        reply = await self._api.query(question)
        if reply.code == "500":
            return None
        if reply.code and reply.content.get("result") is False:
            raise _refusal("query", reply, _QUERY_REFUSALS)
        if not isinstance(reply.content.get("data"), list) or reply.content.get("nu") != number:
            _log.error("kuaidi100's answer is not usable", operation="query", code=reply.code[:20])
            raise unavailable("query: not a usable answer")
        untimed = is_untimed(reply.content)
        return TrackingSnapshot(PROVIDER, carrier, number, events_of(reply.content), untimed=untimed)

    def _checked(self, carrier: str, number: str, phone_tail: str | None) -> dict[str, str]:
        """Refuse here what Kuaidi100 would refuse; four digits go out only where they are wanted."""
        known = self._table.get(carrier)
        if known is None:
            raise SubscriptionRefused("carrier", "不支持该快递公司")
        if not _NUMBER.fullmatch(number):
            raise SubscriptionRefused("number", "运单号应为6至32位字母或数字")
        if phone_tail is not None and not _PHONE_TAIL.fullmatch(phone_tail):
            raise SubscriptionRefused("phone", "手机号后四位应为4位数字")
        if known.phone == "required" and phone_tail is None:
            raise SubscriptionRefused("phone", "该快递公司需要寄件人或收件人手机号后四位")
        return {"phone": phone_tail} if phone_tail and known.phone != "no" else {}


def _refusal(operation: str, reply: Reply, refusals: Mapping[str, str]) -> Exception:
    """The same number means different things on different calls; one we do not know is no verdict.

    Kuaidi100's own words go to the log: 700 also stands for a callback address it does not like.
    """
    tell = _log.error if reply.code in _ALARMS else _log.warning
    tell("kuaidi100 refused", operation=operation, code=reply.code[:20], words=str(reply.content.get("message"))[:100])
    if reply.code in refusals:
        return SubscriptionRefused(reply.code, refusals[reply.code])
    return unavailable(f"{operation}: returnCode {reply.code[:20]}")
