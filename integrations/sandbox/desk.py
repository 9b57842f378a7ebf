"""Without this module the control calls would each parse, refuse and answer differently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.sandbox.world import World


class Form(BaseModel):
    """The body of a control call: unknown fields are mistakes, not extras."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Unacceptable(Exception):
    """A control call that cannot be done, with the sentence that says why."""

    def __init__(self, sentence: str, status: int = 400, **more: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.content = {"error": sentence, **more}


FormType = TypeVar("FormType", bound=Form)
ControlHandler = Callable[[World, Request], Awaitable[object]]


def control_route(world: World, path: str, method: str, handler: ControlHandler) -> Route:
    async def endpoint(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return answer({"error": "Only the sandbox's own page may use the control API."}, 403)
        try:
            return answer(await handler(world, request))
        except Unacceptable as refusal:
            return answer(refusal.content, refusal.status)
        except ValidationError as mistake:
            return answer({"error": sentence_of(mistake)}, 422)

    return Route(f"/__ctl{path}", endpoint, methods=[method])


async def read_json(request: Request) -> dict[str, Any]:
    """An empty body is an empty object."""
    raw = await request.body()
    try:
        content = orjson.loads(raw) if raw else {}
    except ValueError as error:
        raise Unacceptable("The body is not JSON.") from error
    if not isinstance(content, dict):
        raise Unacceptable("The body must be a JSON object.")
    return content


async def read_form(request: Request, form: type[FormType]) -> FormType:
    """Raises pydantic.ValidationError, which the route turns into a sentence and 422."""
    return form.model_validate(await read_json(request))


def answer(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def sentence_of(mistake: ValidationError) -> str:
    first = mistake.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}."
