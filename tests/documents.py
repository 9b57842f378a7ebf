"""The mini-program's documents by the way they are asked."""

from __future__ import annotations

import re

from graphql_schema.documents import OPERATIONS

POSTED = sorted(
    path
    for path in OPERATIONS.glob("*.graphql")
    if not re.search(r"^subscription\b", path.read_text(encoding="utf-8"), re.MULTILINE)
)
"""Queries and mutations; what is told over a socket has its own doors, and their tests are in `tests/live`."""
