"""Without this module we would learn of a payment only by asking, or believe anybody who claims one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackAnswer, CallbackRefused, RawCallback, Received
from app.payments.ports import NOTICE_TOPIC, REFUND_TOPIC, PaymentState, PaymentTruth, RefundTruth
from integrations.wechat.pay_client import PayClient
from integrations.wechat.pay_keys import SealBroken
from integrations.wechat.pay_truth import NotOurs, refund_truth_of, truth_of
from integrations.wechat.settings import WechatSettings

_PAID = "TRANSACTION.SUCCESS"
_REFUNDS = {"REFUND.SUCCESS": "SUCCESS", "REFUND.ABNORMAL": "ABNORMAL", "REFUND.CLOSED": "CLOSED"}
_UNSIGNED = frozenset(
    {
        "headers-missing", "signature-type", "timestamp-unreadable", "timestamp-stale", "serial-unknown",
        "signature-wrong",
    }
)  # fmt: skip
_REFUSAL = orjson.dumps({"code": "FAIL", "message": "失败"})
_truth = TypeAdapter(PaymentTruth)
_refund_truth = TypeAdapter(RefundTruth)


class WechatPayNotices:
    """`CallbackReader` for `wechat/payment`. WeChat Pay API v3, "payment notification" and "refund notification".

    A notice is a hint: it may come twice, late, out of order or never. `PaymentChannel.ask` and `ask_refund` know
    the truth.
    """

    def __init__(self, client: PayClient, settings: WechatSettings) -> None:
        self._client = client
        self._settings = settings

    async def read(self, raw: RawCallback) -> Received:
        """Nothing of the body is read before its signature is verified."""
        if not raw.body or len(raw.body) > MAX_CALLBACK_BYTES:
            raise CallbackRefused("size")
        try:
            await self._client.trust.verify(raw.headers, raw.body)
            notice = _object(raw.body, "not-json")
            event = notice.get("event_type")
            if event != _PAID and event not in _REFUNDS:
                raise CallbackRefused("event-type", detail={"event_type": str(event)[:40]})
            content = _object(self._client.trust.unseal(notice.get("resource")), "content-not-json")
            return self._payment(content) if event == _PAID else self._refund(content, _REFUNDS[str(event)])
        except SealBroken as broken:
            raise CallbackRefused(broken.reason) from None
        except NotOurs:
            raise CallbackRefused("not-ours") from None
        except ValueError as error:
            raise CallbackRefused("content", detail={"fault": str(error)[:100]}) from None

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(204)

    def refuse(self, reason: str) -> CallbackAnswer:
        """Any answer but 200 and 204 makes WeChat repeat, which a genuine message deserves."""
        return CallbackAnswer(401 if reason in _UNSIGNED else 400, _REFUSAL)

    def _payment(self, transaction: Mapping[str, Any]) -> Received:
        truth = truth_of(transaction, self._settings)
        if truth.state is not PaymentState.PAID:
            raise ValueError("a payment notice without a payment")
        # The sum is part of the key: a notice over a wrong one must not make the right one a repetition.
        key = f"transaction:{truth.order_no}:{truth.provider_ref}:{truth.amount_fen}{truth.currency}"
        return Received(key, NOTICE_TOPIC, _truth.dump_python(truth, mode="json"))

    def _refund(self, refund: Mapping[str, Any], status: str) -> Received:
        if refund.get("mchid") != self._settings.pay_mch_id:
            raise NotOurs
        if refund.get("refund_status") != status:
            raise ValueError("refund_status and event_type differ")
        truth = refund_truth_of(refund)
        key = f"refund:{truth.refund_no}:{status}:{truth.provider_ref}:{truth.amount_fen}"
        return Received(key, REFUND_TOPIC, _refund_truth.dump_python(truth, mode="json"))


def _object(text: bytes, reason: str) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except ValueError:
        raise CallbackRefused(reason) from None
    if not isinstance(content, dict):
        raise CallbackRefused(reason)
    return content
