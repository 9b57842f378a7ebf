"""Without this module each provider would have its own clock, keys and post office: they share these."""

from __future__ import annotations

from pathlib import Path

from integrations.sandbox.clock import Clock
from integrations.sandbox.hostility import Dice
from integrations.sandbox.journal import Journal
from integrations.sandbox.keys import load_keys
from integrations.sandbox.messenger import Messenger
from integrations.sandbox.records import Records
from integrations.sandbox.rotations import Rotations


class World:
    """Everything one sandbox process holds. `base_url` is the origin under which the product reaches it."""

    def __init__(self, state: Path, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.keys = load_keys(state)
        self.records = Records(state / "records.sqlite3")
        self.clock = Clock(self.records)
        self.dice = Dice(self.records)
        self.rotations = Rotations(self.records)
        self.journal = Journal(self.records)
        self.messenger = Messenger(self.records, self.dice, self.journal)

    def forget(self) -> None:
        """Everything but the first keys, and the numbers that were given out."""
        self.records.forget()
        self.messenger.forget()
