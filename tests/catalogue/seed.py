"""The seed catalogue as a city would edit it before bringing it in."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import orjson

from app.seeding import SEED

Document = dict[str, Any]


@lru_cache(maxsize=1)
def _seed() -> Document:
    document: Document = orjson.loads((SEED / "service_items.json").read_bytes())
    return document


def seed_catalogue() -> Document:
    """A copy of one's own."""
    return deepcopy(_seed())


def item_of(document: Document, key: str) -> Document:
    found: Document = next(item for item in document["items"] if item["key"] == key)
    return found
