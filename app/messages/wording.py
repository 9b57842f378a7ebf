"""Without this module a template could speak of values that no message has.

The kinds of messages there are, with the values each brings along and an example of every value, as the seed has
them; and putting values into words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from app.links.tickets import link_values

LANGUAGES = ("zh", "en")
_FILE = Path(__file__).parent / "seed" / "templates.json"
_PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Kind:
    """A kind of message: what it is called, an example of each value by language, and the inbox's first words."""

    key: str
    name_zh: str
    name_en: str
    values: Mapping[str, Mapping[str, str]]
    inbox: Mapping[str, tuple[str, str]]
    has_link: bool

    def examples(self, language: str) -> dict[str, str]:
        """With a link of this portal, which is as long as each will be."""
        return {**self.values[language], **(link_values(None) if self.has_link else {})}


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """Every kind of message by its key."""
    told: dict[str, dict[str, Any]] = orjson.loads(_FILE.read_bytes())
    return {key: _kind(key, content) for key, content in told.items()}


def _kind(key: str, content: dict[str, Any]) -> Kind:
    values = content["values"]
    return Kind(
        key=key,
        name_zh=content["name"]["zh"],
        name_en=content["name"]["en"],
        values={language: {name: said[language] for name, said in values.items()} for language in LANGUAGES},
        inbox={language: (content[language]["title"], content[language]["body"]) for language in LANGUAGES},
        has_link=content.get("link", True),
    )


def places_in(text: str) -> set[str]:
    """The names in braces."""
    return set(_PLACE.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with every name in braces replaced once; what a value says is never read as a name again."""
    return _PLACE.sub(lambda found: values[found[1]], text)
