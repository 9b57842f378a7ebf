"""Without this module nobody could look into the platform's books, close it, or let it not know a unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.desk import Form, control_route, read_form
from integrations.sandbox.fiscal.books import books
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

PLATFORM = "platform"


@dataclass(frozen=True)
class Door:
    """Whether somebody may come in: the platform itself, or a unit by its code."""

    open: bool


class Known(Form):
    known: bool


class Open(Form):
    open: bool


def doors(world: World) -> Shelf[Door]:
    return Shelf(world.records, "fiscal_doors", Door, keep=1000)


def is_open(world: World) -> bool:
    return (doors(world).get(PLATFORM) or Door(open=True)).open


def is_known(world: World, unit: str) -> bool:
    return (doors(world).get(unit) or Door(open=True)).open


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/fiscal/receipts", "GET", list_receipts),
        control_route(world, "/fiscal/units/{code}", "POST", know_unit),
        control_route(world, "/fiscal/platform", "POST", open_platform),
    ]


async def list_receipts(world: World, _: Request) -> object:
    return [asdict(receipt) for receipt in books(world).every()]


async def know_unit(world: World, request: Request) -> object:
    known = (await read_form(request, Known)).known
    doors(world).put(request.path_params["code"], Door(open=known))
    return {"known": known}


async def open_platform(world: World, request: Request) -> object:
    wanted = (await read_form(request, Open)).open
    doors(world).put(PLATFORM, Door(open=wanted))
    return {"open": wanted}
