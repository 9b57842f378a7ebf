"""Without this module a bill could not be paid inside Alipay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from alipay.aop.api.domain.AlipayTradeCloseModel import AlipayTradeCloseModel
from alipay.aop.api.domain.AlipayTradeCreateModel import AlipayTradeCreateModel
from alipay.aop.api.domain.AlipayTradeQueryModel import AlipayTradeQueryModel
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeCreateRequest import AlipayTradeCreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.response.AlipayTradeCloseResponse import AlipayTradeCloseResponse
from alipay.aop.api.response.AlipayTradeCreateResponse import AlipayTradeCreateResponse
from alipay.aop.api.response.AlipayTradeQueryResponse import AlipayTradeQueryResponse

from app.kernel.clock import local
from app.kernel.money import Fen, yuan
from app.payments.ports import (
    DayAccount,
    FundsAccount,
    OpenedPayment,
    OrderRefused,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundTruth,
)
from integrations.alipay.gateway import Gateway, GatewayRefused
from integrations.alipay.pay_accounts import Accounts
from integrations.alipay.pay_errors import (
    ALREADY_CLOSED,
    NOT_EXIST,
    STATUS_ERRORS,
    is_about_the_trade,
    not_now,
    order_refused,
    unusable,
)
from integrations.alipay.pay_refunds import Refunds
from integrations.alipay.pay_truth import CHANNEL, ORDER_NO, is_user_id, truth_of

_PRODUCT = "JSAPI_PAY"
_LONGEST_SUBJECT = 256
_LONGEST_OPEN_ID = 128
_MOST_FEN = 10_000_000_000
_PLAIN = str.maketrans({"/": "／", "=": "＝", "&": "＆"})
_QUERY = "alipay.trade.query"


class AlipayPay:
    """`PaymentChannel`: trades of the mini-program, made by `alipay.trade.create` and paid by `my.tradePay`."""

    name_zh = "支付宝"
    name_en = "Alipay"
    sign_in_channel = "alipay"
    at_window = False
    keeps_accounts = True

    def __init__(self, gateway: Gateway, accounts: Accounts, app_id: str, seller_id: str, public_url: str) -> None:
        self._gateway = gateway
        self._refunds = Refunds(gateway)
        self._accounts = accounts
        self._app_id = app_id
        self._seller_id = seller_id
        self._notify_url = f"{public_url.rstrip('/')}/callbacks/alipay/payment"

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        """`alipay.trade.create`. Equal values give the same trade again."""
        request = AlipayTradeCreateRequest(biz_model=self._trade(order))
        request.notify_url = self._notify_url
        try:
            told = await self._gateway.ask(request, AlipayTradeCreateResponse(), may_repeat=True)
        except GatewayRefused as refused:
            raise order_refused(refused) from None
        if told.out_trade_no != order.order_no or not isinstance(told.trade_no, str) or not told.trade_no:
            raise unusable("alipay.trade.create", "no trade of this order")
        return OpenedPayment(told.trade_no)

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:
        """The argument of `my.tradePay`. It is not signed: the trade names its buyer, and nobody else can pay it."""
        return {"tradeNO": prepay_ref}

    async def ask(self, order_no: str) -> PaymentTruth:
        """`alipay.trade.query`."""
        model = AlipayTradeQueryModel()
        model.out_trade_no = _checked(order_no)
        request = AlipayTradeQueryRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, AlipayTradeQueryResponse(), may_repeat=True)
        except GatewayRefused as refused:
            if is_about_the_trade(refused) and refused.sub_code == NOT_EXIST:
                return PaymentTruth(CHANNEL, order_no, PaymentState.UNKNOWN)
            raise not_now(refused) from None
        try:
            truth = truth_of(_words(told), paid_at="send_pay_date", user_id="buyer_user_id")
        except ValueError as error:
            raise unusable(_QUERY, str(error)) from None
        if truth.order_no != order_no:
            raise unusable(_QUERY, "another order")
        return truth

    async def close(self, order_no: str) -> None:
        """`alipay.trade.close`. A trade Alipay never heard of, or closed already, is closed.

        It says the same to a trade that is paid and to one that is closed: then the query tells which.
        """
        model = AlipayTradeCloseModel()
        model.out_trade_no = _checked(order_no)
        try:
            await self._gateway.ask(
                AlipayTradeCloseRequest(biz_model=model), AlipayTradeCloseResponse(), may_repeat=True
            )
        except GatewayRefused as refused:
            if is_about_the_trade(refused) and refused.sub_code in {NOT_EXIST, ALREADY_CLOSED}:
                return
            if is_about_the_trade(refused) and refused.sub_code in STATUS_ERRORS:
                await self._check_is_closed(order_no, refused.sub_code)
                return
            raise order_refused(refused) from None

    async def refund(self, order: RefundOrder) -> RefundTruth:
        """`alipay.trade.refund`, confirmed by the query unless the money moved at once."""
        return await self._refunds.refund(order)

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        """`alipay.trade.fastpay.refund.query`. `UNKNOWN` also for one that is not through or failed."""
        return await self._refunds.ask(order)

    async def day_account(self, day: date) -> DayAccount:
        """The bill `trade` (业务明细); one row for each payment and each refund that was completed that day."""
        return await self._accounts.business(day)

    async def funds_account(self, day: date) -> FundsAccount:
        """The bill `signcustomer` (账务明细)."""
        return await self._accounts.funds(day)

    async def _check_is_closed(self, order_no: str, code: str) -> None:
        truth = await self.ask(order_no)
        if truth.state is not PaymentState.CLOSED:
            raise OrderRefused(code, already_paid=truth.state is PaymentState.PAID)

    def _trade(self, order: PaymentOrder) -> AlipayTradeCreateModel:
        """Only from the order's own values: Alipay compares a repeat with the first."""
        if type(order.amount_fen) is not int or not 0 < order.amount_fen <= _MOST_FEN:
            raise ValueError("an order is over 0.01 to 100000000 yuan, in whole fen")
        if not order.description or not 0 < len(order.payer_open_id) <= _LONGEST_OPEN_ID:
            raise ValueError("an order names what is paid and who pays")
        model = AlipayTradeCreateModel()
        model.out_trade_no = _checked(order.order_no)
        model.total_amount = yuan(Fen(order.amount_fen))
        model.subject = order.description.translate(_PLAIN)[:_LONGEST_SUBJECT]
        model.product_code = _PRODUCT
        model.op_app_id = self._app_id
        model.seller_id = self._seller_id
        model.time_expire = _beijing(order.expires_at)
        if is_user_id(order.payer_open_id):
            model.buyer_id = order.payer_open_id
        else:
            model.buyer_open_id = order.payer_open_id
        return model


def _words(told: AlipayTradeQueryResponse) -> dict[str, object]:
    """What of the typed answer says how a trade stands."""
    names = (
        "out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency", "send_pay_date",
        "buyer_open_id", "buyer_user_id",
    )  # fmt: skip
    return {name: getattr(told, name) for name in names}


def _checked(order_no: str) -> str:
    if not ORDER_NO.fullmatch(order_no):
        raise ValueError("an order number has 6 to 32 characters of [0-9A-Za-z]")
    return order_no


def _beijing(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a deadline needs its offset")
    return local(moment).strftime("%Y-%m-%d %H:%M:%S")
