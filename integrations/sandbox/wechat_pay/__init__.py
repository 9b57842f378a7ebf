"""Without this package nothing could be paid: it plays api.mch.weixin.qq.com for one merchant."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.front import provider_route
from integrations.sandbox.wechat_pay import bills, certificates, flows, orders, refunds
from integrations.sandbox.wechat_pay.control import control_routes
from integrations.sandbox.wechat_pay.gate import Nonces, PayHandler, guarded
from integrations.sandbox.wechat_pay.notices import PayChannel
from integrations.sandbox.wechat_pay.wire import WECHAT_PAY
from integrations.sandbox.world import World

__all__ = ["PayChannel", "control_routes", "routes"]

ENDPOINTS: tuple[tuple[str, str, PayHandler], ...] = (
    ("POST", "/v3/pay/transactions/jsapi", orders.open_jsapi),
    ("GET", "/v3/pay/transactions/out-trade-no/{out_trade_no}", orders.query_by_number),
    ("GET", "/v3/pay/transactions/id/{transaction_id}", orders.query_by_transaction),
    ("POST", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", orders.close),
    ("POST", "/v3/refund/domestic/refunds", refunds.apply),
    ("GET", "/v3/refund/domestic/refunds/{out_refund_no}", refunds.query),
    ("GET", "/v3/certificates", certificates.list_certificates),
    ("GET", "/v3/bill/tradebill", bills.trade_bill),
    ("GET", "/v3/bill/fundflowbill", flows.fund_flow_bill),
)


def routes(world: World) -> list[Route]:
    nonces = Nonces()
    signed = [
        provider_route(world, WECHAT_PAY, path, guarded(nonces, handler), [method])
        for method, path, handler in ENDPOINTS
    ]
    file = guarded(nonces, bills.download, sign_answer=False)
    return [*signed, provider_route(world, WECHAT_PAY, "/v3/billdownload/file", file, ["GET"])]
