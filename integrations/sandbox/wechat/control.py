"""Without this module nobody would hold the residents' phones: new persons, fresh codes, a face before the camera."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.people import is_identity_number
from integrations.sandbox.wechat import message_control
from integrations.sandbox.wechat.face import FaceAttempt, attempts, has_expired, honest_result
from integrations.sandbox.wechat.login import LOGIN, MOBILE, encrypted_phone, leave_alone, make_code
from integrations.sandbox.wechat.people import People, Phone
from integrations.sandbox.world import World


class NewPhone(Form):
    name: Annotated[str, Field(max_length=64)] = ""
    id_number: str = ""
    mobile: Annotated[str, Field(pattern=r"^(1\d{10})?$")] = ""
    high_risk: bool = False


class PhoneData(Form):
    appid: Annotated[str, Field(max_length=64)] = ""


class Away(Form):
    seconds: Annotated[float, Field(ge=0)]


class Face(Form):
    verify_id: str
    verify_ret: Annotated[int, Field(ge=10000, le=99999)] | None = None


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/phones", "POST", add_phone),
        control_route(world, "/phones", "GET", list_phones),
        control_route(world, "/phones/{openid}", "GET", show_phone),
        control_route(world, "/phones/{openid}/login-code", "POST", give_login_code),
        control_route(world, "/phones/{openid}/away", "POST", put_aside),
        control_route(world, "/phones/{openid}/phone-code", "POST", give_phone_code),
        control_route(world, "/phones/{openid}/phone-data", "POST", give_phone_data),
        control_route(world, "/phones/{openid}/face", "POST", show_face),
        control_route(world, "/faces", "GET", list_faces),
        *message_control.control_routes(world),
    ]


async def add_phone(world: World, request: Request) -> object:
    wanted = await read_form(request, NewPhone)
    if wanted.id_number and not is_identity_number(wanted.id_number):
        raise Unacceptable("The identity number has a wrong check digit or birth date.", 422)
    return _shown(People(world.records).make(wanted.name, wanted.id_number, wanted.mobile, high_risk=wanted.high_risk))


async def list_phones(world: World, _: Request) -> object:
    return [_shown(phone) for phone in People(world.records).every()]


async def show_phone(world: World, request: Request) -> object:
    phone = _phone(world, request)
    faces = [_face(world, attempt) for attempt in attempts(world).every() if attempt.openid == phone.openid]
    return {**_shown(phone), "faces": faces}


async def give_login_code(world: World, request: Request) -> object:
    return {"code": make_code(world, _phone(world, request), LOGIN).text}


async def put_aside(world: World, request: Request) -> object:
    """So long ago the mini-program was opened last on this phone."""
    leave_alone(world, _phone(world, request), (await read_form(request, Away)).seconds)
    return {}


async def give_phone_code(world: World, request: Request) -> object:
    return {"code": make_code(world, _phone(world, request), MOBILE).text}


async def give_phone_data(world: World, request: Request) -> object:
    """The phone-number button of an older phone; `appid` is another mini-program's, for tests."""
    phone = _phone(world, request)
    wanted = await read_form(request, PhoneData)
    if not phone.session_key:
        raise Unacceptable("This phone never logged in: there is no session_key.", 409)
    return encrypted_phone(world, phone, wanted.appid)


async def show_face(world: World, request: Request) -> object:
    """`wx.requestFacialVerify` on this phone; without verify_ret the phone's owner looks into it."""
    phone = _phone(world, request)
    wanted = await read_form(request, Face)
    attempt = attempts(world).get(wanted.verify_id)
    if attempt is None:
        raise Unacceptable("No such verify_id.", 404)
    if attempt.openid != phone.openid:
        raise Unacceptable("This verify_id belongs to another openid.", 409)
    if has_expired(world, attempt):
        raise Unacceptable("This verify_id is older than 3600 seconds.", 409)
    if attempt.verify_ret:
        raise Unacceptable(f"This check was already done: {attempt.verify_ret}.", 409)
    result = wanted.verify_ret or honest_result(world, attempt)
    attempts(world).put(attempt.verify_id, replace(attempt, verify_ret=result))
    return {"verify_id": attempt.verify_id, "verify_ret": result}


async def list_faces(world: World, _: Request) -> object:
    return [_face(world, attempt) for attempt in attempts(world).every()]


def _face(world: World, attempt: FaceAttempt) -> dict[str, object]:
    return {
        "verify_id": attempt.verify_id,
        "openid": attempt.openid,
        "cert_name": attempt.cert_name,
        "verify_ret": attempt.verify_ret or None,
        "expired": has_expired(world, attempt),
    }


def _phone(world: World, request: Request) -> Phone:
    phone = People(world.records).find(request.path_params["openid"])
    if phone is None:
        raise Unacceptable("No phone has this openid.", 404)
    return phone


def _shown(phone: Phone) -> dict[str, object]:
    """Everything but the session_key, which only the product's backend may ever see."""
    told = asdict(phone)
    del told["session_key"]
    return told
