"""Without this module WeChat would freeze what residents pay: it wants to know what each payment brought."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

from app.fulfilment.ports import Fulfilment, PostedParcel, Way
from app.kernel import clock
from app.kernel.logging import get_logger
from integrations.wechat.api import MiniProgramApi, WechatRefused
from integrations.wechat.tokens import unavailable

_log = get_logger(__name__)

_COMPANIES: dict[str, str] = orjson.loads(files("integrations.wechat").joinpath("shipping_companies.json").read_bytes())
_LOGISTICS = {Way.POSTED: 1, Way.NOTHING_TO_HAND_OVER: 3, Way.AT_THE_HALL: 4}
_BY_MERCHANT = 1
_TOGETHER, _SPLIT = 1, 2
_TO_SHIP = 1
_LONGEST, _MOST_PARCELS = 120, 15
_WANTS_CONTACT = "SF"


class WechatShipping:
    """`FulfilmentRegister`: order shipping management (protocols/wechat.md 5.3).

    A second upload is a correction, of which there is one: WeChat is asked first how the order stands.
    """

    def __init__(self, api: MiniProgramApi, mch_id: str) -> None:
        self._api = api
        self._mch_id = mch_id

    async def is_wanted(self) -> bool:
        """Whether the account is under trade management; False where WeChat does not say."""
        try:
            told = await self._api.call("/wxa/sec/order/is_trade_managed", {"appid": self._api.appid}, may_repeat=True)
        except WechatRefused as refused:
            _log.warning("trade management unknown", errcode=refused.errcode, rid=refused.rid)
            return False
        return told.get("is_trade_managed") is True

    async def tell(self, fulfilment: Fulfilment) -> bool:
        """Mini-program server API, "get_order" and "upload_shipping_info"."""
        wanted = {"merchant_id": self._mch_id, "merchant_trade_no": fulfilment.order_no}
        known = await self._call("get_order", wanted, may_repeat=True)
        order = known.get("order")
        state = order.get("order_state") if isinstance(order, dict) else None
        if type(state) is not int:
            raise unavailable("get_order: no order_state")
        if state != _TO_SHIP:
            return False
        await self._call("upload_shipping_info", self._form(fulfilment))
        return True

    async def _call(self, name: str, content: dict[str, Any], *, may_repeat: bool = False) -> dict[str, Any]:
        """WeChat knows an order some seconds after it was paid, so a refusal may be a matter of time as well."""
        try:
            return await self._api.call(f"/wxa/sec/order/{name}", content, may_repeat=may_repeat)
        except WechatRefused as refused:
            _log.warning("wechat refused", operation=name, errcode=refused.errcode, rid=refused.rid)
            raise unavailable(str(refused)) from None

    def _form(self, fulfilment: Fulfilment) -> dict[str, Any]:
        what = fulfilment.what[:_LONGEST]
        entries = [_entry(parcel, what) for parcel in fulfilment.parcels[-_MOST_PARCELS:]] or [{"item_desc": what}]
        split = {"delivery_mode": _SPLIT, "is_all_delivered": True} if len(entries) > 1 else {}
        return {
            "order_key": {
                "order_number_type": _BY_MERCHANT,
                "mchid": self._mch_id,
                "out_trade_no": fulfilment.order_no,
            },
            "logistics_type": _LOGISTICS[fulfilment.way],
            "delivery_mode": _TOGETHER,
            **split,
            "shipping_list": entries,
            "upload_time": clock.local(clock.now()).isoformat(timespec="milliseconds"),
            "payer": {"openid": fulfilment.payer_open_id},
        }


def _entry(parcel: PostedParcel, what: str) -> dict[str, Any]:
    company = _COMPANIES.get(parcel.carrier)
    if company is None:
        raise unavailable(f"upload_shipping_info: WeChat's word for {parcel.carrier} is not known")
    entry: dict[str, Any] = {"tracking_no": parcel.number, "express_company": company, "item_desc": what}
    if company == _WANTS_CONTACT and parcel.phone_tail:
        entry["contact"] = {"receiver_contact": f"*******{parcel.phone_tail}"}
    return entry
