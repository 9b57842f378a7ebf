"""Without this module a domain could not find the adapter that fulfils what it asks of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

P = TypeVar("P")

_adapters: dict[type[Any], dict[str, Any]] = {}


class NoSuchAdapter(LookupError):
    """No live adapter of this code; the provider is not in `PORTAL_PROVIDERS`."""


def register(port: type[P], code: str, adapter: P) -> None:
    """Make `adapter` the fulfilment of `port` known as `code`; a later one of the same code replaces it."""
    _adapters.setdefault(port, {})[code] = adapter


def get(port: type[P], code: str) -> P:
    """The live adapter of a code; raises `NoSuchAdapter`."""
    try:
        return cast("P", _adapters[port][code])
    except KeyError:
        raise NoSuchAdapter(f"no {port.__name__} is called {code!r}") from None


def every(port: type[P]) -> Mapping[str, P]:
    """All live adapters of a port by code, in the order of `PORTAL_PROVIDERS`."""
    return MappingProxyType(cast("dict[str, P]", _adapters.get(port, {})))


def clear() -> None:
    """Forget every adapter (when wiring again)."""
    _adapters.clear()


class NeedsAttention(Exception):
    """A provider accepts us, and somebody has something to do: what is amiss, and what to do about it."""

    def __init__(self, amiss: str, advice: str) -> None:
        super().__init__(amiss)
        self.advice = advice


class HealthCheck(Protocol):
    """Port fulfilled by each adapter, registered under its provider's name: asked by `portal doctor`."""

    name: str
    """What is asked, as people call it: `WeChat Pay`."""

    async def check(self) -> str:
        """One short sentence when the provider accepts us; raises with the reason when it does not, or
        `NeedsAttention`.
        """


@dataclass(frozen=True)
class Term:
    """When a certificate or key ends; `ends` is a UTC moment, None when nobody told us.

    What has the same `name` stands for one another: a new one is there before the old one ends.
    """

    name: str
    serial: str
    ends: datetime | None


class Expiring(Protocol):
    """Port fulfilled by adapters whose keys end, registered under their provider's name."""

    def terms(self) -> Sequence[Term]:
        """What is in use now, or will be."""
