"""What we ask of a host app about what its users write."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    PASS = "PASS"  # noqa: S105 - no password
    REVIEW = "REVIEW"
    RISKY = "RISKY"


class Concern(StrEnum):
    """What a platform sees in a text. `UNANSWERED`: it did not say."""

    NONE = "NONE"
    ADVERTISING = "ADVERTISING"
    POLITICS = "POLITICS"
    PORNOGRAPHY = "PORNOGRAPHY"
    ABUSE = "ABUSE"
    CRIME = "CRIME"
    FRAUD = "FRAUD"
    VULGAR = "VULGAR"
    COPYRIGHT = "COPYRIGHT"
    OTHER = "OTHER"
    UNANSWERED = "UNANSWERED"


@dataclass(frozen=True)
class Judgement:
    """A platform's word on a text; `trace` is by what it can be asked about it later."""

    verdict: Verdict
    concern: Concern = Concern.NONE
    trace: str = ""


NO_ANSWER = Judgement(Verdict.REVIEW, Concern.UNANSWERED)
"""Whatever kept the platform from judging: a person has to."""


class ContentCheck(Protocol):
    """Port fulfilled by a host app's adapter, registered as its sign-in channel is."""

    async def check(self, text: str, user: str) -> Judgement:
        """Judge a text of at most `rules.LONGEST` characters, written now by a user as the sign-in channel names them.

        A platform that will not judge it (the user was long away, the quota is used up) gives `NO_ANSWER`.
        Raises `ProviderUnavailable` when nothing usable came.
        """
