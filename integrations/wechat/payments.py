"""Without this module a bill could not be paid inside WeChat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.kernel.clock import local
from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments.ports import (
    DayAccount,
    FundsAccount,
    OpenedPayment,
    OrderRefused,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundRefused,
    RefundStanding,
    RefundTruth,
)
from integrations.wechat.pay_accounts import Accounts
from integrations.wechat.pay_client import PayClient, unavailable
from integrations.wechat.pay_errors import PayRefused
from integrations.wechat.pay_keys import new_nonce, phone_message, seconds_now
from integrations.wechat.pay_truth import CHANNEL, ORDER_NO, NotOurs, refund_truth_of, truth_of
from integrations.wechat.settings import WechatSettings

_log = get_logger(__name__)

_ORDERS = "/v3/pay/transactions"
_REFUNDS = "/v3/refund/domestic/refunds"
_LONGEST_DESCRIPTION = 127
_LONGEST_OPEN_ID = 128
_LONGEST_REASON = 80
_REFUND_NO = re.compile(r"[0-9A-Za-z]{1,64}")


class WechatPay:
    """`PaymentChannel`: JSAPI orders, refunds and accounts of WeChat Pay API v3."""

    name_zh = "微信支付"
    name_en = "WeChat Pay"
    sign_in_channel = "wechat"
    at_window = False
    keeps_accounts = True

    def __init__(self, client: PayClient, settings: WechatSettings, public_url: str) -> None:
        self._client = client
        self._settings = settings
        self._accounts = Accounts(client, settings.pay_mch_id)
        self._notify_url = f"{public_url.rstrip('/')}/callbacks/wechat/payment"

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        """WeChat Pay API v3, "JSAPI order". Equal values give a fresh handle for the same order.

        `already_paid` and `already_closed` come from an unsigned refusal: `ask` before acting on them.
        """
        try:
            told = await self._client.request("jsapi", "POST", f"{_ORDERS}/jsapi", self._order_form(order))
        except PayRefused as refused:
            raise _order_refused(refused) from None
        prepay_id = told.get("prepay_id")
        if not isinstance(prepay_id, str) or not prepay_id:
            _log.error("wechat pay opened an order without prepay_id", order_no=order.order_no)
            raise unavailable("jsapi: no prepay_id")
        return OpenedPayment(prepay_id)

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:
        """The argument of `wx.requestPayment`; `timeStamp` is text, or the phone refuses it. Signed with the key that
        WeChat takes: nobody tells us when the phone is refused.
        """
        await self._client.be_sure_of_our_key()
        timestamp, nonce, package = str(seconds_now()), new_nonce(), f"prepay_id={prepay_ref}"
        message = phone_message(self._settings.app_id, timestamp, nonce, package)
        return {
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._client.merchant.in_force.sign(message),
        }

    async def ask(self, order_no: str) -> PaymentTruth:
        """WeChat Pay API v3, "query order by merchant order number"."""
        target = f"{_ORDERS}/out-trade-no/{_checked(order_no)}?mchid={self._settings.pay_mch_id}"
        try:
            told = await self._client.request("query", "GET", target)
        except PayRefused as refused:
            if refused.code == "ORDER_NOT_EXIST":
                return PaymentTruth(CHANNEL, order_no, PaymentState.UNKNOWN)
            raise _unusable("query", refused.code) from None
        try:
            truth = truth_of(told, self._settings)
        except (NotOurs, ValueError) as error:
            raise _unusable("query", str(error) or "not ours") from None
        if truth.order_no != order_no:
            raise _unusable("query", "another order")
        return truth

    async def close(self, order_no: str) -> None:
        """WeChat Pay API v3, "close order". An order WeChat never heard of, or closed already, is closed."""
        target = f"{_ORDERS}/out-trade-no/{_checked(order_no)}/close"
        try:
            await self._client.request("close", "POST", target, {"mchid": self._settings.pay_mch_id})
        except PayRefused as refused:
            if refused.code not in {"ORDER_CLOSED", "ORDER_NOT_EXIST"}:
                raise _order_refused(refused) from None

    async def refund(self, order: RefundOrder) -> RefundTruth:
        """WeChat Pay API v3, "refund": accepted means `PROCESSING`, no more. Equal values repay once."""
        try:
            told = await self._client.request("refund", "POST", _REFUNDS, self._refund_form(order), tell_to_wait=True)
        except PayRefused as refused:
            later = refused.is_too_often or refused.code == "NOT_ENOUGH"
            raise RefundRefused(refused.code, later=later) from None
        return _refund_truth("refund", order, told)

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        """WeChat Pay API v3, "query refund by merchant refund number"."""
        target = f"{_REFUNDS}/{_checked_refund(order).refund_no}"
        try:
            told = await self._client.request("query-refund", "GET", target)
        except PayRefused as refused:
            if refused.code == "RESOURCE_NOT_EXISTS":
                return RefundTruth(CHANNEL, order.refund_no, RefundStanding.UNKNOWN)
            raise _unusable("query-refund", refused.code) from None
        return _refund_truth("query-refund", order, told)

    async def day_account(self, day: date) -> DayAccount:
        return await self._accounts.day(day)

    async def funds_account(self, day: date) -> FundsAccount:
        return await self._accounts.funds(day)

    def _refund_form(self, order: RefundOrder) -> dict[str, Any]:
        """Without a `notify_url` of its own a refund would be told of wherever the merchant's console says."""
        _checked_refund(order)
        return {
            "out_trade_no": _checked(order.order_no),
            "out_refund_no": order.refund_no,
            **({"reason": order.reason[:_LONGEST_REASON]} if order.reason else {}),
            "notify_url": self._notify_url,
            "amount": {"refund": order.amount_fen, "total": order.total_fen, "currency": "CNY"},
        }

    def _order_form(self, order: PaymentOrder) -> dict[str, Any]:
        """Only from the order's own values: WeChat compares a repeat with the first."""
        if type(order.amount_fen) is not int or order.amount_fen <= 0:
            raise ValueError("an order is over a positive whole number of fen")
        if not order.description or not 0 < len(order.payer_open_id) <= _LONGEST_OPEN_ID:
            raise ValueError("an order names what is paid and who pays")
        return {
            "appid": self._settings.app_id,
            "mchid": self._settings.pay_mch_id,
            "description": order.description[:_LONGEST_DESCRIPTION],
            "out_trade_no": _checked(order.order_no),
            "time_expire": _rfc3339(order.expires_at),
            "notify_url": self._notify_url,
            "amount": {"total": order.amount_fen, "currency": "CNY"},
            "payer": {"openid": order.payer_open_id},
        }


def _checked(order_no: str) -> str:
    if not ORDER_NO.fullmatch(order_no):
        raise ValueError("an order number has 6 to 32 characters of [0-9A-Za-z]")
    return order_no


def _checked_refund(order: RefundOrder) -> RefundOrder:
    if not _REFUND_NO.fullmatch(order.refund_no):
        raise ValueError("a refund number has 1 to 64 characters of [0-9A-Za-z]")
    if type(order.amount_fen) is not int or type(order.total_fen) is not int:
        raise ValueError("a refund is over a whole number of fen")
    if not 0 < order.amount_fen <= order.total_fen:
        raise ValueError("a refund gives back a part of what was paid")
    return order


def _refund_truth(operation: str, order: RefundOrder, told: Mapping[str, Any]) -> RefundTruth:
    try:
        truth = refund_truth_of(told)
    except ValueError as error:
        raise _unusable(operation, str(error)) from None
    if truth.refund_no != order.refund_no or told.get("out_trade_no") != order.order_no:
        raise _unusable(operation, "another refund")
    return truth


def _rfc3339(moment: datetime) -> str:
    """In whole seconds at +08:00, as in WeChat's own examples."""
    if moment.tzinfo is None:
        raise ValueError("a deadline needs its offset")
    return local(moment).isoformat(timespec="seconds")


def _order_refused(refused: PayRefused) -> OrderRefused:
    return OrderRefused(
        refused.code, already_paid=refused.code == "ORDERPAID", already_closed=refused.code == "ORDER_CLOSED"
    )


def _unusable(operation: str, cause: str) -> ProviderUnavailable:
    _log.error("wechat pay's answer is not usable", operation=operation, cause=cause)
    return unavailable(f"{operation}: {cause}")
