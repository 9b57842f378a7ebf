"""Without this module waiting for an expiry would mean waiting: it lets the sandbox's records age at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from integrations.sandbox.records import Records, Shelf

BEIJING = ZoneInfo("Asia/Shanghai")
ONLY = "only"


@dataclass(frozen=True)
class Offset:
    seconds: float = 0.0


class Clock:
    """The time by which codes, tokens, orders and parcels age. Signatures on the wire always use the real
    clock: a shifted one would only show that both sides reject it.
    """

    def __init__(self, records: Records) -> None:
        self._shelf = Shelf(records, "clock", Offset, keep=8)

    @property
    def ahead(self) -> float:
        return (self._shelf.get(ONLY) or Offset()).seconds

    def now(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self._shelf.put(ONLY, Offset(self.ahead + seconds))


def rfc3339(moment: float) -> str:
    """As WeChat Pay API v3 writes times: 2018-06-08T10:34:56+08:00."""
    return datetime.fromtimestamp(moment, BEIJING).isoformat(timespec="seconds")


def beijing(moment: float) -> str:
    """As Kuaidi100 and the bills write times: no offset, Beijing."""
    return datetime.fromtimestamp(moment, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
