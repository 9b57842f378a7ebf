"""Without this module nobody would pay: it plays `wx.requestPayment` in the hands of the resident."""

from __future__ import annotations

from integrations.sandbox.desk import Form, Unacceptable
from integrations.sandbox.wechat_pay.live_keys import merchant_keys
from integrations.sandbox.wechat_pay.notices import post_payment
from integrations.sandbox.wechat_pay.orders import CLOSED, PREPAY_LIFE, Order, orders, prepays, settle
from integrations.sandbox.wechat_pay.wire import is_signed_by
from integrations.sandbox.world import World

PACKAGE = "prepay_id="


class PaymentRequest(Form):
    """The object the mini-program hands to `wx.requestPayment`, and what the resident does with it.

    `late`: the password was entered in time, the money arrives whatever became of the order meanwhile.
    """

    openid: str
    timeStamp: str  # noqa: N815 - WeChat's spelling
    nonceStr: str  # noqa: N815
    package: str
    signType: str  # noqa: N815
    paySign: str  # noqa: N815
    outcome: str = "ok"


def request_payment(world: World, wanted: PaymentRequest) -> dict[str, str]:
    """JSAPI payment on the phone: the signature first, then the prepay_id, the order and the person."""
    _check_signature(world, wanted)
    prepay = prepays(world).get(wanted.package.removeprefix(PACKAGE))
    if prepay is None:
        raise _failed("No such prepay_id.")
    if world.clock.now() - prepay.issued > PREPAY_LIFE:
        raise _failed("This prepay_id is older than two hours.")
    order = orders(world).get(prepay.out_trade_no)
    if order is None:
        raise _failed("The order of this prepay_id is gone.")
    if order.openid != wanted.openid:
        raise _failed("The order belongs to another openid.", 403)
    return play_payment(world, order, wanted.outcome)


def play_payment(world: World, order: Order, outcome: str) -> dict[str, str]:
    if order.is_paid:
        raise _failed("The order is already paid.", 409)
    if order.trade_state == CLOSED and outcome != "late":
        raise _failed("The order is closed.", 409)
    if world.clock.now() > order.deadline and outcome != "late":
        raise _failed("The payment deadline (time_expire) has passed.", 409)
    if outcome == "cancel":
        return {"errMsg": "requestPayment:fail cancel"}
    if outcome not in {"ok", "late"}:
        raise _failed("outcome is ok, late or cancel.", 422)
    post_payment(world, settle(world, order))
    return {"errMsg": "requestPayment:ok"}


def _check_signature(world: World, wanted: PaymentRequest) -> None:
    if wanted.signType != "RSA":
        raise _failed("signType must be RSA.")
    if not wanted.timeStamp.isascii() or not wanted.timeStamp.isdigit():
        raise _failed("timeStamp must be seconds, as text.")
    if not 0 < len(wanted.nonceStr) <= 32:
        raise _failed("nonceStr must have 1 to 32 characters.")
    if not wanted.package.startswith(PACKAGE):
        raise _failed("package must be prepay_id=…")
    appid = world.keys.account.wechat_app_id
    message = f"{appid}\n{wanted.timeStamp}\n{wanted.nonceStr}\n{wanted.package}\n".encode()
    if not any(is_signed_by(key, message, wanted.paySign) for key in merchant_keys(world).values()):
        raise _failed("paySign does not verify with the merchant's key and this app id.")


def _failed(sentence: str, status: int = 400) -> Unacceptable:
    return Unacceptable(sentence, status, errMsg=f"requestPayment:fail ({sentence})")
