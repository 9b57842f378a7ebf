"""Without this module the sandbox would forget its phones, orders and parcels at every restart."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Shape = TypeVar("Shape", bound="DataclassInstance")

LAYOUT = 1  # raised when a document changes its shape: older files are emptied, not migrated
NUMBERINGS = ("census", "fiscal_numbers")  # what they gave out before is known to the product as somebody's
SLACK = 64  # a shelf is trimmed when it is this much too full, not at every write

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_by_place ON documents (kind, place);
"""


class Records:
    """One table of JSON documents. Every write is on disk before the call returns, so a killed process
    loses nothing; nothing here awaits, so a handler that reads, decides and writes is atomic.
    """

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._writes: Counter[str] = Counter()
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != LAYOUT:
            self.forget()
            self._db.execute(f"PRAGMA user_version = {LAYOUT}")

    def read(self, kind: str, key: str) -> bytes | None:
        row = self._db.execute("SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return None if row is None else bytes(row[0])

    def write(self, kind: str, key: str, body: bytes) -> None:
        """A new document goes to the end of its shelf, a known one keeps its place."""
        self._db.execute(
            "INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, key, body),
        )

    def remove(self, kind: str, key: str) -> None:
        self._db.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, key))

    def since(self, kind: str, place: int) -> list[tuple[int, bytes]]:
        rows = self._db.execute(
            "SELECT place, body FROM documents WHERE kind = ? AND place > ? ORDER BY place", (kind, place)
        )
        return [(row[0], bytes(row[1])) for row in rows]

    def count(self, kind: str) -> int:
        found: int = self._db.execute("SELECT count(*) FROM documents WHERE kind = ?", (kind,)).fetchone()[0]
        return found

    def keep_newest(self, kind: str, keep: int) -> None:
        """Asked after every write, done at every SLACK-th."""
        self._writes[kind] += 1
        if self._writes[kind] % SLACK:
            return
        self._db.execute(
            "DELETE FROM documents WHERE kind = ? AND place <= "
            "(SELECT place FROM documents WHERE kind = ? ORDER BY place DESC LIMIT 1 OFFSET ?)",
            (kind, kind, keep),
        )

    def drop_shelf(self, kind: str) -> None:
        self._db.execute("DELETE FROM documents WHERE kind = ?", (kind,))

    def forget(self) -> None:
        """All but how far each numbering has come."""
        self._db.execute("DELETE FROM documents WHERE kind NOT IN (?, ?)", NUMBERINGS)

    def close(self) -> None:
        self._db.close()


class Shelf(Generic[Shape]):
    """The documents of one kind, as frozen dataclasses; the oldest leave when more than `keep` are there."""

    def __init__(self, records: Records, kind: str, shape: type[Shape], keep: int) -> None:
        self._records = records
        self._kind = kind
        self._shape = shape
        self._keep = keep

    def get(self, key: str) -> Shape | None:
        body = self._records.read(self._kind, key)
        return None if body is None else self._open(body)

    def put(self, key: str, document: Shape) -> None:
        self._records.write(self._kind, key, orjson.dumps(document))
        self._records.keep_newest(self._kind, self._keep)

    def drop(self, key: str) -> None:
        self._records.remove(self._kind, key)

    def every(self) -> list[Shape]:
        """Oldest first."""
        return [self._open(body) for _, body in self._records.since(self._kind, 0)]

    def since(self, place: int) -> list[tuple[int, Shape]]:
        return [(at, self._open(body)) for at, body in self._records.since(self._kind, place)]

    def count(self) -> int:
        return self._records.count(self._kind)

    def _open(self, body: bytes) -> Shape:
        return self._shape(**orjson.loads(body))
