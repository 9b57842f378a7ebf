"""Without this module no ordered courier would come: the control calls that let an order go on."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.kuaidi100.order_news import news
from integrations.sandbox.kuaidi100.orders import Order, new_number, orders
from integrations.sandbox.messenger import describe
from integrations.sandbox.world import World

COURIER = ("测试快递员", "13000000000")
Kilograms = Annotated[str, Field(pattern=r"^(\d{1,4}(\.\d{1,3})?)?$")]
Yuan = Annotated[str, Field(pattern=r"^(\d{1,6}(\.\d{1,2})?)?$")]


class Step(Form):
    """`status` as the callbacks have it; `forged` is signed with a salt nobody agreed on; `tell` false is silent."""

    status: Annotated[str, Field(pattern=r"^\d{1,4}$")]
    weight: Kilograms = ""
    freight: Yuan = ""
    mode: Literal["normal", "forged"] = "normal"
    times: Annotated[int, Field(ge=1, le=50)] = 1
    tell: bool = True


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/courier-orders", "GET", list_orders),
        control_route(world, "/courier-orders/{third}/step", "POST", step),
    ]


async def list_orders(world: World, _: Request) -> object:
    return [_shown(order) for order in orders(world).every()]


async def step(world: World, request: Request) -> object:
    """The order goes on and its customer is told at once; gives what was answered."""
    wanted = await read_form(request, Step)
    found = [one for one in orders(world).every() if one.third_order_id == request.path_params["third"]]
    if not found:
        raise Unacceptable("No such order.", 404)
    order = found[-1]
    if wanted.mode == "normal":
        order = _after(world, order, wanted)
        orders(world).put(order.order_id, order)
    told = {name: value for name, value in (("weight", wanted.weight), ("freight", wanted.freight)) if value}
    callback = replace(news(order, wanted.status, told), seal=wanted.mode)
    if not wanted.tell:
        return []
    return [describe(await world.messenger.send_now(callback)) for _ in range(wanted.times)]


def _after(world: World, order: Order, wanted: Step) -> Order:
    number = order.number
    if wanted.status == "0" and not number:
        number = new_number(order.carrier, orders(world).count() + 500_000, world.clock.now())
    freight = float(wanted.freight or 0)
    return replace(
        order,
        status=order.status if wanted.status in {"15", "155"} and order.status else wanted.status,
        number=number,
        courier=COURIER if wanted.status == "1" else order.courier,
        weight=wanted.weight or order.weight,
        freight=order.freight + freight if wanted.status == "15" else freight or order.freight,
    )


def _shown(order: Order) -> dict[str, object]:
    return {**asdict(order), "salt": "***"}
