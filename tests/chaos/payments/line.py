"""How phones and windows of the run reach the portal, which is away now and then."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import httpx

from app.identity import sessions
from app.kernel import db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import PleaseRetry
from graphql_schema.documents import OPERATIONS, document_id

T = TypeVar("T")
_PATIENCE_SECONDS = 60.0
_PROVIDER_TRIES = 3
_SIGNED_OUT = {"SIGN_IN_REQUIRED", "SESSION_ENDED"}
"""An access token is good for ten minutes; a long run takes longer."""


class GaveUp(Exception):
    """Somebody asked again and again and was told to come later each time."""


@dataclass
class Caller:
    """A phone in one host app, or a window."""

    actor: Actor
    channel: str
    open_id: str = ""
    access: str = ""

    async def enter(self) -> None:
        """A fresh session, as a sign-in leaves it."""
        staff = self.actor.kind is ActorKind.STAFF
        tokens = await sessions.open_session(
            channel=self.channel,
            device="测试手机",
            staff_id=self.actor.id if staff else None,
            resident_id=None if staff else self.actor.id,
        )
        self.access = tokens.access


@dataclass
class Line:
    """`unexplained` is what nobody may ever be told: bugs, and refusals without a reason."""

    http: httpx.AsyncClient
    random: random.Random
    cut_off: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    async def ask(self, caller: Caller, operation: str, **variables: Any) -> dict[str, Any]:
        """The one field an operation asks for, of a thing or a refusal with its reason; a cut line is dialled again.

        Raises `GaveUp`.
        """
        give_up = time.monotonic() + _PATIENCE_SECONDS
        unavailable = 0
        while time.monotonic() < give_up:
            told = await self._once(caller, {"documentId": _document(operation), "variables": variables})
            code = told.get("code") if told else "CUT_OFF"
            if code in _SIGNED_OUT:
                await self.patiently(caller.enter)
            elif code == "PROVIDER_UNAVAILABLE" and unavailable < _PROVIDER_TRIES:
                unavailable += 1
            elif told is not None and code != "PLEASE_RETRY":
                return self._noted(told)
            await asyncio.sleep(0.05 + self.random.random() / 5)
        raise GaveUp

    async def _once(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer = await self.http.post("/graphql", json=body, headers={"authorization": f"Bearer {caller.access}"})
            read: dict[str, Any] = answer.json()
        except (httpx.TransportError, ValueError):
            self.cut_off += 1
            return None
        if "errors" in read:
            codes = {error["extensions"]["code"] for error in read["errors"]}
            if codes == {"PLEASE_RETRY"}:  # before the field or below it, where there is no room for a `Problem`
                return {"code": "PLEASE_RETRY"}
            self.unexplained.append(str(read["errors"])[:300])
            raise GaveUp
        [told] = read["data"].values()
        return dict(told)

    def _noted(self, told: dict[str, Any]) -> dict[str, Any]:
        if "code" in told and told["__typename"] != "Receipt":
            self.refused[told["code"]] += 1
            if not told["message"]:
                self.unexplained.append(f"{told['code']} says nothing")
        return told

    async def again(self, act: Callable[[], Awaitable[T]]) -> T:
        """Something asked of a host app, whose connection may break as well."""
        while True:
            try:
                return await act()
            except httpx.TransportError:
                self.cut_off += 1
                await asyncio.sleep(0.1)

    async def patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Something this process does itself in the database, which is away now and then."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with db.told_when_lost():
                    return await act()
            except PleaseRetry:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.1)


@cache
def _document(operation: str) -> str:
    return document_id((OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8"))
