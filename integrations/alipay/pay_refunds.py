"""Without this module money paid in Alipay could not go back, or go back twice."""

from __future__ import annotations

from alipay.aop.api.domain.AlipayTradeFastpayRefundQueryModel import AlipayTradeFastpayRefundQueryModel
from alipay.aop.api.domain.AlipayTradeRefundModel import AlipayTradeRefundModel
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import AlipayTradeFastpayRefundQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.response.AlipayTradeFastpayRefundQueryResponse import AlipayTradeFastpayRefundQueryResponse
from alipay.aop.api.response.AlipayTradeRefundResponse import AlipayTradeRefundResponse

from app.kernel.money import Fen, yuan
from app.payments.ports import RefundOrder, RefundStanding, RefundTruth
from integrations.alipay.gateway import Gateway, GatewayRefused
from integrations.alipay.pay_errors import NOT_EXIST, is_about_the_trade, not_now, refund_refused, unusable
from integrations.alipay.pay_truth import CHANNEL, ORDER_NO, REFUND_NO, fen, moment

_REFUND = "alipay.trade.refund"
_QUERY = "alipay.trade.fastpay.refund.query"
_LONGEST_REASON = 80


class Refunds:
    """Refunds of trades. The number makes a repeat harmless: once through, it is answered with `fund_change` N."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def refund(self, order: RefundOrder) -> RefundTruth:
        """Success of the call only means accepted; `fund_change` Y that the money has moved. Anything else is asked
        about, and what is not through yet is on its way. Their `refund_fee` counts the trade's earlier refunds too.
        """
        request = AlipayTradeRefundRequest(biz_model=_refund_model(order))
        try:
            told = await self._gateway.ask(request, AlipayTradeRefundResponse(), may_repeat=True)
        except GatewayRefused as refused:
            raise refund_refused(refused) from None
        if told.out_trade_no != order.order_no:
            raise unusable(_REFUND, "another order")
        if told.fund_change != "Y":
            truth = await self.ask(order)
            return truth if truth.state is RefundStanding.SUCCEEDED else _truth(order, RefundStanding.PROCESSING)
        try:
            at = moment({"at": told.gmt_refund_pay}, "at") if told.gmt_refund_pay else None
        except ValueError:
            at = None  # the money has moved whatever the spelling of the moment
        return RefundTruth(
            CHANNEL, order.refund_no, RefundStanding.SUCCEEDED, order.amount_fen, _reference(told.trade_no), at
        )

    async def ask(self, order: RefundOrder) -> RefundTruth:
        """Only `REFUND_SUCCESS` is a success. No state at all is one word for never received, not through yet and
        failed; the same request may then be made again with equal values.
        """
        model = AlipayTradeFastpayRefundQueryModel()
        model.out_trade_no = _matching_order(order)
        model.out_request_no = order.refund_no
        model.query_options = ["gmt_refund_pay"]
        request = AlipayTradeFastpayRefundQueryRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, AlipayTradeFastpayRefundQueryResponse(), may_repeat=True)
        except GatewayRefused as refused:
            if is_about_the_trade(refused) and refused.sub_code == NOT_EXIST:
                return _truth(order, RefundStanding.UNKNOWN)
            raise not_now(refused) from None
        if told.refund_status != "REFUND_SUCCESS":
            return _truth(order, RefundStanding.UNKNOWN)
        if (told.out_trade_no, told.out_request_no) != (order.order_no, order.refund_no):
            raise unusable(_QUERY, "another refund")
        try:
            amount = fen({"refund_amount": told.refund_amount}, "refund_amount")
            at = moment({"at": told.gmt_refund_pay}, "at") if told.gmt_refund_pay else None
        except ValueError as error:
            raise unusable(_QUERY, str(error)) from None
        return RefundTruth(CHANNEL, order.refund_no, RefundStanding.SUCCEEDED, amount, _reference(told.trade_no), at)


def _refund_model(order: RefundOrder) -> AlipayTradeRefundModel:
    if type(order.amount_fen) is not int or not 0 < order.amount_fen <= order.total_fen:
        raise ValueError("a refund is over a positive whole number of fen of what was paid")
    if not REFUND_NO.fullmatch(order.refund_no):
        raise ValueError("a refund number has 1 to 64 characters of [0-9A-Za-z_-]")
    model = AlipayTradeRefundModel()
    model.out_trade_no = _matching_order(order)
    model.out_request_no = order.refund_no
    model.refund_amount = yuan(Fen(order.amount_fen))
    model.refund_reason = order.reason[:_LONGEST_REASON]
    return model


def _matching_order(order: RefundOrder) -> str:
    if not ORDER_NO.fullmatch(order.order_no):
        raise ValueError("an order number has 6 to 32 characters of [0-9A-Za-z]")
    return order.order_no


def _truth(order: RefundOrder, state: RefundStanding) -> RefundTruth:
    return RefundTruth(CHANNEL, order.refund_no, state)


def _reference(trade_no: object) -> str | None:
    return trade_no[:64] if isinstance(trade_no, str) and trade_no else None
