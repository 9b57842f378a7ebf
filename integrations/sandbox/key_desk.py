"""Without this module nobody would be given a new key: the desks for them at WeChat Pay and Alipay."""

from __future__ import annotations

import base64
import secrets
import string
from datetime import timedelta
from typing import Annotated, get_args

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.key_files import ALPHANUMERIC, random_text
from integrations.sandbox.rotations import Rotation, Step, What, new_key, new_serial, pem_of, self_signed
from integrations.sandbox.world import World

KINDS: tuple[What, ...] = get_args(What)
OWNERS = {
    "merchant": "Merchant of the sandbox",
    "platform_certificate": "Sandbox of the payment platform",
    "alipay_app": "Mini-program of the sandbox",
}


class Change(Form):
    """`days` is how long a new certificate lives; below zero it is over already."""

    step: Step
    days: Annotated[int, Field(ge=-1000, le=10_000)] = 5 * 365


def control_routes(world: World) -> list[Route]:
    return [control_route(world, "/rotations/{what}", "POST", change)]


async def change(world: World, request: Request) -> object:
    wanted = await read_form(request, Change)
    what = next((kind for kind in KINDS if kind == request.path_params["what"]), None)
    if what is None:
        raise Unacceptable(f"There are {', '.join(KINDS)}.", 404)
    if wanted.step == "add":
        if world.rotations.of(what) is not None:
            raise Unacceptable("This kind is being changed already.", 409)
        return world.rotations.keep(issue(what, timedelta(days=wanted.days))).shown
    changed = world.rotations.step(what, wanted.step)
    if changed is None:
        raise Unacceptable("There is no such step to take: add, then switch or drop.", 409)
    return changed.shown


def issue(what: What, life: timedelta) -> Rotation:
    if what == "api_v3_key":
        return Rotation(what, "add", "", secret=random_text(ALPHANUMERIC, 32))
    if what == "alipay_aes_key":
        return Rotation(what, "add", "", secret=base64.b64encode(secrets.token_bytes(16)).decode())
    key = new_key()
    private, public = pem_of(key)
    if what not in OWNERS:
        key_id = "PUB_KEY_ID_01" + random_text(string.digits, 26) if what == "platform_public_key" else ""
        return Rotation(what, "add", key_id, private_key=private, public_key=public)
    serial = new_serial()
    certificate = self_signed(key, OWNERS[what], life, serial).public_bytes(Encoding.PEM).decode()
    return Rotation(what, "add", f"{serial:040X}", private_key=private, public_key=public, certificate=certificate)
