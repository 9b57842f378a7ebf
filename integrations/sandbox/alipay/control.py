"""Without this module nobody would hold the residents' Alipay accounts: new ones, fresh codes, the face check."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.alipay.certify import (
    Certification,
    certifications,
    finish,
    has_expired,
    honest_outcome,
)
from integrations.sandbox.alipay.login import make_code
from integrations.sandbox.alipay.people import AlipayUser, Users
from integrations.sandbox.alipay.phone_number import PhoneMode, phone_response
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.people import is_identity_number
from integrations.sandbox.world import World


class NewUser(Form):
    name: Annotated[str, Field(max_length=64)] = ""
    id_number: str = ""
    mobile: Annotated[str, Field(pattern=r"^(1\d{10})?$")] = ""


class PhoneNumber(Form):
    mode: PhoneMode = "normal"


class Finish(Form):
    """Say what happens, or whose face looks in."""

    outcome: Literal["pass", "fail", "cancel", "never"] | None = None
    open_id: str = ""


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/alipay/users", "POST", add_user),
        control_route(world, "/alipay/users", "GET", list_users),
        control_route(world, "/alipay/users/{open_id}", "GET", show_user),
        control_route(world, "/alipay/users/{open_id}/auth-code", "POST", give_auth_code),
        control_route(world, "/alipay/users/{open_id}/phone-response", "POST", give_phone_response),
        control_route(world, "/alipay/certifications", "GET", list_certifications),
        control_route(world, "/alipay/certifications/{certify_id}", "POST", finish_certification),
    ]


async def add_user(world: World, request: Request) -> object:
    wanted = await read_form(request, NewUser)
    if wanted.id_number and not is_identity_number(wanted.id_number):
        raise Unacceptable("The identity number has a wrong check digit or birth date.", 422)
    return asdict(Users(world.records).make(wanted.name, wanted.id_number, wanted.mobile))


async def list_users(world: World, _: Request) -> object:
    return [asdict(user) for user in Users(world.records).every()]


async def show_user(world: World, request: Request) -> object:
    return asdict(_user(world, request.path_params["open_id"]))


async def give_auth_code(world: World, request: Request) -> object:
    return {"code": make_code(world, _user(world, request.path_params["open_id"])).text}


async def give_phone_response(world: World, request: Request) -> object:
    user = _user(world, request.path_params["open_id"])
    return {"response": phone_response(world, user, (await read_form(request, PhoneNumber)).mode)}


async def list_certifications(world: World, _: Request) -> object:
    return [_shown(world, one) for one in certifications(world).every()]


async def finish_certification(world: World, request: Request) -> object:
    """`my.startAPVerify` on a phone: the outcome that is named, or the one of the user whose face looks in."""
    wanted = await read_form(request, Finish)
    found = certifications(world).get(request.path_params["certify_id"])
    if found is None:
        raise Unacceptable("No such certify_id.", 404)
    if has_expired(world, found):
        raise Unacceptable("This certify_id is older than 23 hours.", 409)
    if found.is_final:
        raise Unacceptable(f"This check was already done: {found.outcome}.", 409)
    if (wanted.outcome is None) == (not wanted.open_id):
        raise Unacceptable("Name either the outcome or the open_id of who looks in.", 422)
    outcome = wanted.outcome or honest_outcome(found, _user(world, wanted.open_id))
    return {"certify_id": found.certify_id, "outcome": outcome, "result_status": finish(world, found, outcome)}


def _shown(world: World, one: Certification) -> dict[str, object]:
    return {
        "certify_id": one.certify_id,
        "outer_order_no": one.outer_order_no,
        "cert_name": one.cert_name,
        "opened": one.opened,
        "outcome": one.outcome,
        "expired": has_expired(world, one),
    }


def _user(world: World, open_id: str) -> AlipayUser:
    user = Users(world.records).find(open_id)
    if user is None:
        raise Unacceptable("No Alipay user has this open_id.", 404)
    return user
