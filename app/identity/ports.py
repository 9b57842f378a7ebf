"""Without this module identity would have to know WeChat to recognise a resident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class ChannelIdentity:
    """How a host app names one of its users to us. `open_id` is only unique together with `app_id`."""

    app_id: str
    open_id: str
    union_id: str | None = None


class SignInChannel(Protocol):
    """A host app whose users can sign in, registered by its code (`wechat`)."""

    name_zh: str
    name_en: str

    async def exchange(self, code: str) -> ChannelIdentity:
        """Turn the phone's one-time code into the user. Raises `SignInCodeInvalid`, `SignInBlocked`,
        `TooManyRequests` or `ProviderUnavailable`.
        """

    async def phone_number(self, code: str, open_id: str) -> str:
        """Turn the phone-number button's one-time code into a bare mobile number. Raises `PhoneCodeInvalid`,
        `TooManyRequests` or `ProviderUnavailable`.
        """


@dataclass(frozen=True)
class PersonClaim:
    """What a resident says about themselves and what has to be proved."""

    name: str
    id_number: str
    open_id: str


@dataclass(frozen=True)
class StartedProof:
    """A proof under way at the provider. `ticket` is what the phone needs to go on (WeChat: `verifyId`)."""

    ticket: str
    expires_at: datetime


class ProofVerdict(StrEnum):
    PASSED = "PASSED"
    PENDING = "PENDING"
    MISMATCH = "MISMATCH"
    NOT_RECOGNISED = "NOT_RECOGNISED"
    CANCELLED = "CANCELLED"
    TECHNICAL = "TECHNICAL"


@dataclass(frozen=True)
class ProofOutcome:
    """The provider's verdict; `raw_code` is kept for support, never shown."""

    verdict: ProofVerdict
    raw_code: str


class IdentityProver(Protocol):
    """A way to prove who one is, registered by its code (`wechat-face`)."""

    level: int
    """The assurance level a pass gives, 1 to 4."""

    channel: str
    """Code of the sign-in channel whose user does the proof."""

    name_zh: str
    name_en: str

    async def begin(self, reference: str, claim: PersonClaim) -> StartedProof:
        """Open a proof under our unique `reference`. Raises `ProviderUnavailable`."""

    async def outcome(self, reference: str, ticket: str, claim: PersonClaim) -> ProofOutcome:
        """Ask the provider, never the phone, how it ended. Raises `ProviderUnavailable`."""
