"""Without this module each provider would come in by a door of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_CALLBACK_BYTES = 256 * 1024


@dataclass(frozen=True)
class RawCallback:
    """A provider's request exactly as it came: header names in lower case, body as bytes."""

    provider: str
    kind: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Received:
    """A verified callback in our words.

    `event_key` is unique per provider for one event, also over the provider's repetitions; `topic` names the
    handler of a domain (`payments.notice`); `content` is what that handler reads, in JSON values.
    """

    event_key: str
    topic: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class CallbackAnswer:
    """What is sent back, in the provider's exact form."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"


class CallbackRefused(Exception):
    """The request is not a genuine, fresh message of this provider for us; nothing may change because of it."""

    def __init__(self, reason: str, *, detail: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail: Mapping[str, str] = detail or {}


@dataclass(frozen=True)
class Handled:
    """A domain's verdict on a notice: done, or kept for a person (`matched=False`) with the reason."""

    matched: bool = True
    remark: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class CallbackReader(Protocol):
    """Port fulfilled by each adapter that is called back, registered as `{provider}/{kind}`."""

    async def read(self, raw: RawCallback) -> Received:
        """Verify on the raw bytes and translate; raises `CallbackRefused`."""

    def acknowledge(self) -> CallbackAnswer:
        """The answer that stops the provider from repeating."""

    def refuse(self, reason: str) -> CallbackAnswer:
        """The answer to a request that was refused; tells nothing an attacker could use."""


class CallbackGreeter(Protocol):
    """Port fulfilled by adapters whose provider checks the address with a GET, registered as the reader is."""

    def greet(self, raw: RawCallback) -> CallbackAnswer:
        """The answer that shows the provider that the address is ours. Changes nothing."""
