"""Without this module every part of the control client would make its own requests and read its own refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Shape = TypeVar("Shape", bound="DataclassInstance")


_KEPT_OPEN_SECONDS = 2.0  # the sandbox's server hangs up after five, also just when the next call is on its way


class ControlRefused(Exception):
    """The sandbox would not do it; the message is its sentence. `answer` is the whole JSON."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {answer.get('error', '')}")
        self.status = status
        self.answer = dict(answer)


@dataclass(frozen=True)
class Reply:
    """What the product answered to one callback; status 0 when it did not, `error` says why."""

    url: str
    status: int
    body: str
    milliseconds: int
    accepted: bool
    error: str


class Caller:
    """The control API of one sandbox. Use as an async context manager; raises ControlRefused on every 4xx."""

    def __init__(self, base_url: str, *, timeout: float = 60.0) -> None:
        limits = httpx.Limits(keepalive_expiry=_KEPT_OPEN_SECONDS)
        self._client = httpx.AsyncClient(base_url=base_url, timeout=timeout, trust_env=False, limits=limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _object(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = await self._call(method, path, body)
        assert isinstance(answer, dict)
        return answer

    async def _list(self, method: str, path: str, body: object = None) -> list[dict[str, Any]]:
        answer = await self._call(method, path, body)
        assert isinstance(answer, list)
        return answer

    async def _call(self, method: str, path: str, body: object) -> Any:
        response = await self._client.request(method, f"/__ctl{path}", json=body)
        if response.is_error:
            raise ControlRefused(response.status_code, _refusal(response))
        return response.json()


def _refusal(response: httpx.Response) -> dict[str, Any]:
    try:
        return dict(response.json())
    except ValueError:
        return {"error": response.text}


def read(shape: type[Shape], answer: Mapping[str, Any]) -> Shape:
    """Fields we do not know yet are left out: the sandbox may say more than we ask."""
    return shape(**{field.name: answer[field.name] for field in fields(shape)})


def read_replies(answers: list[dict[str, Any]]) -> list[Reply]:
    return [read(Reply, answer) for answer in answers]
