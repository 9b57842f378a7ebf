"""Without this module we would learn of a payment in Alipay only by asking, or believe anybody who claims one."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from pydantic import TypeAdapter

from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackAnswer, CallbackRefused, RawCallback, Received
from app.payments.ports import NOTICE_TOPIC, REFUND_TOPIC, PaymentTruth, RefundStanding, RefundTruth
from integrations.alipay.gateway import Gateway
from integrations.alipay.keys import SealBroken, text_to_sign
from integrations.alipay.pay_truth import CHANNEL, REFUND_NO, TRADE_NO, fen, matching, moment, text, truth_of

_UNSIGNED_NAMES = ("sign", "sign_type", "alipay_cert_sn")
_MOST_FIELDS = 100
_AFTER_REFUND = frozenset({"TRADE_SUCCESS", "TRADE_CLOSED"})
_truth, _refund = TypeAdapter(PaymentTruth), TypeAdapter(RefundTruth)


class AlipayNotices:
    """`CallbackReader` for `alipay/payment`. Open platform, "asynchronous notification" of trades and their refunds.

    A notice is a hint: it may come eight times, late, out of order or never; `PaymentChannel.ask` knows the truth. It
    bears no moment that could be too old, so one played again is known by its content alone.
    """

    def __init__(self, gateway: Gateway, app_id: str, seller_id: str) -> None:
        self._gateway = gateway
        self._app_id = app_id
        self._seller_id = seller_id

    async def read(self, raw: RawCallback) -> Received:
        """The signature first, then for whom it is, then what it says."""
        notice = _form(raw.body)
        await self._verify(notice)
        if (notice.get("app_id"), notice.get("seller_id")) != (self._app_id, self._seller_id):
            raise CallbackRefused("not-ours")
        if notice.get("notify_type") != "trade_status_sync":
            raise CallbackRefused("notify-type")
        try:
            return _about_a_refund(notice) if _tells_of_a_refund(notice) else _about_a_payment(notice)
        except ValueError as error:
            raise CallbackRefused("content", detail={"fault": str(error)[:100]}) from None

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(200, b"success", "text/plain")

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - told to nobody
        """Anything but the seven letters makes Alipay repeat, which a genuine notice deserves."""
        return CallbackAnswer(400, b"fail", "text/plain")

    async def _verify(self, notice: Mapping[str, str]) -> None:
        if notice.get("sign_type") != "RSA2":
            raise CallbackRefused("signature-type")
        signed = text_to_sign(notice, leaving_out=_UNSIGNED_NAMES)
        try:
            await self._gateway.verify(signed, notice.get("sign", ""), notice.get("alipay_cert_sn") or None)
        except SealBroken as broken:
            raise CallbackRefused(broken.reason) from None


def _form(body: bytes) -> dict[str, str]:
    """Decoded once and strictly; a name that comes twice could be signed in one meaning and read in another."""
    if not body or len(body) > MAX_CALLBACK_BYTES:
        raise CallbackRefused("size")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise CallbackRefused("not-a-form") from None
    notice = dict(pairs)
    if len(notice) != len(pairs):
        raise CallbackRefused("name-twice")
    return notice


def _tells_of_a_refund(notice: Mapping[str, str]) -> bool:
    """Open platform, "which events notify": the states are those of a payment and of an end; what tells them apart
    are these fields. A trade that is finished may still bear them.
    """
    return notice.get("trade_status") in _AFTER_REFUND and bool(notice.get("refund_fee") or notice.get("gmt_refund"))


def _about_a_payment(notice: Mapping[str, str]) -> Received:
    """The sum is part of the key: a notice over a wrong one must not make the right one a repetition."""
    truth = truth_of(notice, paid_at="gmt_payment", user_id="buyer_id")
    status, trade_no = text(notice, "trade_status"), matching(TRADE_NO, notice, "trade_no")
    key = f"trade:{truth.order_no}:{trade_no}:{status}:{truth.amount_fen}{truth.currency}"
    return Received(key, NOTICE_TOPIC, _truth.dump_python(truth, mode="json"))


def _about_a_refund(notice: Mapping[str, str]) -> Received:
    """`refund_fee` is what the whole trade gave back so far, so the notice does not say what this refund was over.

    `out_biz_no` is our number; without one the refund had none of its own and goes by the trade's.
    """
    number = matching(REFUND_NO, notice, "out_biz_no" if notice.get("out_biz_no") else "out_trade_no")
    trade_no, status = matching(TRADE_NO, notice, "trade_no"), text(notice, "trade_status")
    truth = RefundTruth(
        channel=CHANNEL,
        refund_no=number,
        state=RefundStanding.SUCCEEDED,
        provider_ref=trade_no,
        refunded_at=moment(notice, "gmt_refund") if notice.get("gmt_refund") else None,
    )
    so_far = fen(notice, "refund_fee") if notice.get("refund_fee") else 0
    key = f"refund:{trade_no}:{status}:{number}:{so_far}"
    return Received(key, REFUND_TOPIC, _refund.dump_python(truth, mode="json"))
