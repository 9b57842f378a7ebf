"""Without this module nobody would know whether a courier comes once, or at all."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import httpx
import orjson
import pytest
from pydantic import TypeAdapter

from app.delivery.ports import CarrierOrders, CourierOrder, OrderNews, OrderRefused, OrderStep, Party, Payer
from app.kernel import clock, ports
from app.kernel.callbacks import CallbackReader, CallbackRefused
from app.kernel.errors import ProviderUnavailable
from integrations.kuaidi100.order_news import news_of
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected

pytestmark = pytest.mark.usefixtures("door")
news_from = TypeAdapter(OrderNews).validate_python

HALL = Party("云澜市政务服务中心", "12345", ("云澜省", "云澜市", ""), "人民路1号")
HOME = Party("测试居民甲", "13000001234", ("云澜省", "云澜市", "澄江区"), "澄江区人民路2号")


def orders() -> CarrierOrders:
    return ports.get(CarrierOrders, "kuaidi100")


@pytest.fixture
def order() -> CourierOrder:
    return CourierOrder(f"ZT{secrets.token_hex(12)}", "zhongtong", HALL, HOME, Payer.CITY, "文件", 500)


async def test_an_order_is_known_again_for_two_days_and_then_no_more(
    control: SandboxControl, order: CourierOrder
) -> None:
    first = await orders().place(order)
    await control.advance_clock(47.9 * 3600)
    assert await orders().place(order) == first
    await control.advance_clock(0.2 * 3600)
    assert await orders().place(order) != first
    assert len(await control.courier_orders(order.order_no)) == 2


async def test_what_is_ordered_is_what_was_wanted(control: SandboxControl, order: CourierOrder) -> None:
    morning = clock.local(clock.now()).replace(hour=9, minute=30) + timedelta(days=2)
    until = morning + timedelta(hours=2)
    await orders().place(replace(order, carrier="shunfeng", pickup_from=morning, pickup_until=until))
    [known] = await control.courier_orders(order.order_no)
    asked = known.asked
    assert (asked["sendManPrintAddr"], asked["recManPrintAddr"]) == (
        "云澜省云澜市人民路1号",
        "云澜省云澜市澄江区人民路2号",
    )
    assert (asked["dayType"], asked["pickupStartTime"], asked["pickupEndTime"]) == ("后天", "09:30", "11:30")
    assert (asked["weight"], asked["payment"], asked["thirdOrderId"]) == ("0.50", "SHIPPER", order.order_no)
    assert known.callback_url.endswith(f"/callbacks/kuaidi100/order?order={order.order_no}")
    assert len(known.callback_url.encode()) <= 200


async def test_a_carrier_that_wants_a_time_or_is_none_refuses(order: CourierOrder) -> None:
    with pytest.raises(OrderRefused) as refusal:
        await orders().place(replace(order, carrier="shunfeng"))
    assert refusal.value.code == "400"
    with pytest.raises(OrderRefused):
        await orders().place(replace(order, carrier="pigeon"))


async def test_it_is_cancelled_until_the_courier_has_it(control: SandboxControl, order: CourierOrder) -> None:
    placed = await orders().place(order)
    await orders().cancel(placed.ref, order.order_no, placed.number)
    await orders().cancel(placed.ref, order.order_no, placed.number)
    assert (await control.courier_orders(order.order_no))[0].status == "9"
    other = replace(order, order_no=f"ZT{secrets.token_hex(12)}")
    placed = await orders().place(other)
    await control.courier_step(other.order_no, "10", tell=False)
    with pytest.raises(OrderRefused) as refusal:
        await orders().cancel(placed.ref, other.order_no, placed.number)
    assert refusal.value.code == "407"


async def test_the_courier_the_price_and_the_number_are_told(
    control: SandboxControl, door: Door, order: CourierOrder
) -> None:
    late = replace(order, carrier="yunda")
    placed = await orders().place(late)
    assert placed.number is None
    for status, more in (("0", {}), ("1", {}), ("15", {"weight": "0.9", "freight": "12.5"}), ("10", {})):
        [reply] = await control.courier_step(late.order_no, status, **more)
        assert reply.accepted
    told = [news_from(received.content) for received in door.received]
    assert [news.step for news in told] == [
        OrderStep.PLACED,
        OrderStep.ACCEPTED,
        OrderStep.SETTLED,
        OrderStep.PICKED_UP,
    ]
    assert {news.ref for news in told} == {placed.ref}
    assert len(told[0].number or "") == 15
    assert (told[1].courier_name, told[1].courier_phone) == ("测试快递员", "13000000000")
    assert (told[2].weight_g, told[2].fee_fen) == (900, 1250)


async def test_asked_for_a_settled_order_tells_what_it_cost_by_now(
    control: SandboxControl, order: CourierOrder
) -> None:
    placed = await orders().place(order)
    assert (
        await orders().ask(placed.ref, order.order_no) or OrderNews("", "", OrderStep.OTHER)
    ).step is OrderStep.PLACED
    for freight in ("12", "3"):
        await control.courier_step(order.order_no, "15", weight="1", freight=freight, tell=False)
    news = await orders().ask(placed.ref, order.order_no)
    assert news is not None
    assert (news.step, news.fee_fen, news.weight_g) == (OrderStep.CORRECTED, 1500, 1000)
    assert await orders().ask("nobody:knows", "it") is None


async def test_it_says_about_what_it_costs(order: CourierOrder) -> None:
    assert await orders().price(order) == 1200
    assert await orders().price(replace(order, weight_g=3000)) == 1600
    assert await orders().price(replace(order, carrier="pigeon")) is None


async def test_forged_news_and_news_told_as_another_orders_are_refused(
    control: SandboxControl, door: Door, order: CourierOrder
) -> None:
    await orders().place(order)
    [reply] = await control.courier_step(order.order_no, "10", mode="forged")
    assert (reply.status, door.received, door.refused) == (400, [], ["signature-wrong"])
    await control.courier_step(order.order_no, "10")
    true, reader = door.raw[-1], ports.get(CallbackReader, "kuaidi100/order")
    form = {name: values[0] for name, values in parse_qs(true.body.decode()).items()}
    changed = {**form, "param": form["param"].replace('"status":10', '"status":99')}
    for lie in (
        replace(true, query={"order": "ZTsomebodyelse"}),
        replace(true, query={}),
        replace(true, body=urlencode(changed).encode()),
        replace(true, body=true.body + b"&param=x"),
    ):
        with pytest.raises(CallbackRefused):
            await reader.read(lie)


@pytest.mark.parametrize("fault", ["server_error", "garbage"])
async def test_no_usable_answer_is_unavailable(control: SandboxControl, order: CourierOrder, fault: str) -> None:
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await orders().place(order)


async def test_without_a_secret_nobody_is_ordered(sandbox: Sandbox) -> None:
    async with connected("kuaidi100", **{**sandbox.environment, "KUAIDI100_SECRET": ""}):
        assert ports.every(CarrierOrders) == {}


async def test_the_order_desk_takes_nothing_that_is_signed_wrongly(sandbox: Sandbox, order: CourierOrder) -> None:
    """A wrong secret is for an operator: no verdict on the order."""
    async with connected("kuaidi100", **{**sandbox.environment, "KUAIDI100_SECRET": "WRONG"}):
        with pytest.raises(ProviderUnavailable) as refusal:
            await orders().place(order)
    assert refusal.value.__notes__ == ["bOrder: returnCode 503"]


async def test_the_order_desk_signs_over_the_text_as_it_was_sent(sandbox: Sandbox) -> None:
    key, secret = sandbox.environment["KUAIDI100_KEY"], sandbox.environment["KUAIDI100_SECRET"]
    param, moment = orjson.dumps({"taskId": "x"}).decode(), "1760000000000"
    sign = hashlib.md5((param + moment + key + secret).encode()).hexdigest().upper()  # noqa: S324 - theirs
    form = {"method": "detail", "key": key, "t": moment, "sign": sign, "param": param}
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        right = (await client.post("/order/borderapi.do", data=form)).json()
        spaced = (await client.post("/order/borderapi.do", data={**form, "param": '{"taskId": "x"}'})).json()
    assert (right["returnCode"], spaced["returnCode"]) == ("403", "503")


@pytest.mark.parametrize("value", ["", "x", "-1", "NaN", "1e99", "Infinity", None, True, [], {}])
def test_an_amount_that_is_none_is_not_told(value: object) -> None:
    news = news_of("Z", "T", {"status": 15, "weight": value, "freight": value})
    assert (news.weight_g, news.fee_fen) == (None, None)
