"""Without this module nobody could ask the post itself where a parcel is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.delivery.ports import SubscriptionRefused, TrackingSnapshot
from app.kernel.logging import get_logger
from integrations.ems.api import ACCEPTED, PROVIDER, EmsApi, unavailable
from integrations.ems.states import events_of, is_untimed, text_of

_log = get_logger(__name__)
_NUMBER = re.compile(r"[0-9A-Z]{6,32}")
_UNKNOWN = "B0001"


class EmsTracker:
    """`ParcelTracker` over the post's platform (apiCode 040001, pushes 040002)."""

    carriers: Mapping[str, str] = {"ems": "EMS"}

    def __init__(self, api: EmsApi) -> None:
        self._api = api

    def needs_phone_tail(self, carrier: str) -> bool:  # noqa: ARG002 - the post never does
        return False

    async def subscribe(self, carrier: str, number: str, phone_tail: str | None) -> None:  # noqa: ARG002 - the port's
        """The post pushes whatever was sent under our agreement: there is nothing to ask for."""
        if carrier not in self.carriers or not _NUMBER.fullmatch(number):
            raise SubscriptionRefused("number", "运单号应为6至32位字母或数字")

    async def query(self, carrier: str, number: str, phone_tail: str | None) -> TrackingSnapshot | None:
        """ApiCode 040001: all events of a number."""
        await self.subscribe(carrier, number, phone_tail)
        reply = await self._api.call("track", "040001", {"waybillNo": number, "direction": "0"})
        if reply.code == _UNKNOWN:
            return None
        if reply.code != ACCEPTED:
            _log.warning("ems refused", operation="track", code=reply.code, words=reply.message)
            raise unavailable(f"track: retCode {reply.code}")
        if any((text_of(item, "waybillNo") or text_of(item, "traceNo")) != number for item in reply.items):
            raise unavailable("track: not a usable answer")
        if not reply.items:
            return None
        untimed = is_untimed(reply.items)
        return TrackingSnapshot(PROVIDER, carrier, number, events_of(reply.items), untimed=untimed)
