"""Without this module the providers would always be kind: it decides, by seed, what goes wrong and when."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from integrations.sandbox.records import Records, Shelf

Probability = Annotated[float, Field(ge=0, le=1)]
Fault = Literal["", "server_error", "timeout", "garbage", "error_after_effect", "sign_test"]

ONLY = "only"  # the single document of its shelf


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Hostility:
    """How unkind the providers are. Probabilities are per provider request or per callback."""

    seed: int = 0
    # callbacks
    duplicate: Probability = 0.0
    delay: Probability = 0.0
    reorder: Probability = 0.0
    drop: Probability = 0.0
    forge: Probability = 0.0
    wrong_amount: Probability = 0.0
    # answers to requests (garbage also adds a garbage callback)
    server_error: Probability = 0.0
    error_after_effect: Probability = 0.0
    timeout: Probability = 0.0
    garbage: Probability = 0.0
    sign_test: Probability = 0.0
    # how long things take, in seconds
    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0
    timeout_seconds: Annotated[float, Field(ge=0, le=120)] = 15.0
    haste: Annotated[float, Field(gt=0, le=1)] = 0.02
    # switches
    notify_by_itself: bool = True
    nonce_strict: bool = True
    public_key_only: bool = False
    sign_with_certificate: bool = False
    not_enough: bool = False
    too_often: bool = False
    refund_outcome: Literal["SUCCESS", "ABNORMAL", "CLOSED"] = "SUCCESS"
    early_bills: bool = False
    query_lock: bool = False
    https_callbacks: bool = False
    alipay_ids: Literal["open_id", "both", "user_id"] = "open_id"
    alipay_new_certificate: bool = False
    alipay_slow_refunds: bool = False


@dataclass(frozen=True)
class Tally:
    rolls: int = 0


@dataclass(frozen=True)
class RequestFate:
    """`draw` chooses among a provider's ways of failing; `effect_first` says whether a time-out did its work."""

    fault: Fault = ""
    draw: float = 0.0
    effect_first: bool = False


@dataclass(frozen=True)
class CallbackFate:
    """`false_copies` go out before the true callback: a lie never replaces the truth, a drop does."""

    drop: bool = False
    copies: int = 1
    wait: float = 0.0
    false_copies: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Dice:
    """Each stream (one endpoint, one kind of callback) has its own numbered rolls: the same seed and the
    same sequence in a stream give the same decisions, whatever happens beside it.
    """

    def __init__(self, records: Records) -> None:
        self._settings = Shelf(records, "hostility", Hostility, keep=8)
        self._tallies = Shelf(records, "dice", Tally, keep=1000)
        self._records = records

    @property
    def now(self) -> Hostility:
        return self._settings.get(ONLY) or Hostility()

    def change(self, wanted: dict[str, Any]) -> Hostility:
        """Set the named fields and leave the others; naming the seed starts every stream again.

        Raises pydantic.ValidationError for an unknown field or a value out of range.
        """
        changed = Hostility(**{**asdict(self.now), **wanted})
        self._settings.put(ONLY, changed)
        if "seed" in wanted:
            self._records.drop_shelf("dice")
        return changed

    def be_kind(self) -> Hostility:
        self._settings.drop(ONLY)
        self._records.drop_shelf("dice")
        return self.now

    def request(self, stream: str) -> RequestFate:
        mood = self.now
        dangers: tuple[tuple[Fault, float], ...] = (
            ("server_error", mood.server_error),
            ("timeout", mood.timeout),
            ("garbage", mood.garbage),
            ("error_after_effect", mood.error_after_effect),
            ("sign_test", mood.sign_test),
        )
        if not any(chance for _, chance in dangers):
            return RequestFate()
        rolls = self._rolls(mood, f"request {stream}", len(dangers) + 2)
        hit: Fault = next((name for (name, chance), roll in zip(dangers, rolls, strict=False) if roll < chance), "")
        return RequestFate(hit, draw=rolls[-1], effect_first=rolls[-2] < 0.5)

    def callback(self, stream: str) -> CallbackFate:
        mood = self.now
        names = ("duplicate", "delay", "reorder", "drop", "forge", "wrong_amount", "garbage")
        chances = [getattr(mood, name) for name in names]
        if not any(chances):
            return CallbackFate()
        rolls = self._rolls(mood, f"callback {stream}", len(names) + 1)
        hit = tuple(name for name, chance, roll in zip(names, chances, rolls, strict=False) if roll < chance)
        wait = rolls[-1] * mood.delay_seconds if "delay" in hit else 0.0
        return CallbackFate(
            drop="drop" in hit,
            copies=2 if "duplicate" in hit else 1,
            wait=max(wait, mood.delay_seconds / 2 if "reorder" in hit else 0.0),
            false_copies=tuple(name for name in ("forge", "wrong_amount", "garbage") if name in hit),
            names=hit,
        )

    def _rolls(self, mood: Hostility, stream: str, count: int) -> list[float]:
        """Always the same number of draws, so that changing one probability moves no other decision."""
        tally = self._tallies.get(stream) or Tally()
        self._tallies.put(stream, Tally(tally.rolls + 1))
        source = random.Random(f"{mood.seed} {stream} {tally.rolls}")  # noqa: S311 - repeatable on purpose
        return [source.random() for _ in range(count)]
