"""Without this module a resolver would not know who asks, in which language, under which request id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from app.kernel.actor import ANONYMOUS, Actor
from app.kernel.errors import Refusal

K = TypeVar("K")
V = TypeVar("V")


def language_of(accepted: str) -> str:
    """The language of sentences by a value of `Accept-Language`: `zh` or `en`."""
    return "en" if accepted.strip().lower().startswith("en") else "zh"


@dataclass
class Context:
    """One request: the actor, the language of sentences (`zh` or `en`), the id that logs and jobs carry.

    `fault` is why a token that was sent is no good; a field that needs nobody in particular ignores it.
    """

    actor: Actor = ANONYMOUS
    fault: Refusal | None = None
    language: str = "zh"
    request_id: str = ""
    address: str = ""
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict)

    async def load(self, batch: Callable[[Sequence[K]], Awaitable[list[V]]], key: K) -> V:
        """One value through a batch query; all keys asked for in one turn go in one call."""
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(load_fn=batch)
        value: V = await loader.load(key)
        return value

    def forget(self) -> None:
        """Load everything anew from here on: a subscription answers many times in one context."""
        self._loaders = {}

    def say(self, zh: str, en: str) -> str:
        """The sentence or name in the caller's language; Chinese when there is no other."""
        return en if self.language == "en" and en else zh


Info: TypeAlias = strawberry.Info[Context, None]
