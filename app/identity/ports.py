"""Without this module identity would have to know WeChat to recognise a resident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class ChannelIdentity:
    """How a host app names one of its users to us. `open_id` is only unique together with `app_id`.

    `user_id` is the name that older apps were given for the same user; an app that is moved to open ids gives
    both for a while. `session_secret` opens what older phones encrypt for us and never leaves the server.
    """

    app_id: str
    open_id: str
    union_id: str | None = None
    user_id: str | None = None
    session_secret: str | None = field(default=None, repr=False)


class SignInChannel(Protocol):
    """A host app whose users can sign in, registered by its code (`wechat`)."""

    name_zh: str
    name_en: str

    async def exchange(self, code: str) -> ChannelIdentity:
        """Turn the phone's one-time code into the user. Raises `SignInCodeInvalid`, `SignInBlocked`,
        `TooManyRequests` or `ProviderUnavailable`.
        """

    async def phone_number(self, code: str, open_id: str) -> str:
        """Turn what the phone-number button gave the phone into a bare mobile number. Raises `PhoneCodeInvalid`,
        `TooManyRequests` or `ProviderUnavailable`. That nothing is accepted twice is the caller's to see to.
        """

    def voucher(self, code: str) -> str:
        """What tells an accepted `code` from every other, however it was written down: never accepted twice."""


class SessionData(Protocol):
    """A host app whose older phones hand over data encrypted under the session, registered like its channel."""

    def phone_number(self, session_secret: str, encrypted: str, iv: str) -> str:
        """The bare mobile number inside. Raises `SessionDataUnreadable` for whatever does not open."""


@dataclass(frozen=True)
class PersonClaim:
    """What a resident says about themselves and what has to be proved."""

    name: str
    id_number: str
    open_id: str


@dataclass(frozen=True)
class StartedProof:
    """A proof under way at the provider. `ticket` and, where there is one, `url` are what the phone needs to go
    on (WeChat: `verifyId`; Alipay: `certifyId` and `url`).
    """

    ticket: str
    expires_at: datetime
    url: str | None = None


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


class IdentityAuthority(Protocol):
    """An authority that knows which name belongs to which identity number, registered by its code.

    It is asked and answers at once; nobody has to hold a phone before their face, so a match says that such a
    person exists, not that they are the one asking.
    """

    level: int
    """The assurance level a match gives, at most 2."""

    name_zh: str
    name_en: str

    async def check(self, reference: str, claim: PersonClaim) -> ProofOutcome:
        """`PASSED` or `MISMATCH` for name and number. Raises `TooManyRequests` or `ProviderUnavailable`."""


@dataclass(frozen=True)
class Reason:
    """Why an account cannot be closed yet, as two sentences that say what to do; `subject` names the row."""

    code: str
    zh: str
    en: str
    subject: str = ""


class Fate(StrEnum):
    """What becomes of a kind of data when its account is closed."""

    DELETED = "DELETED"
    ANONYMISED = "ANONYMISED"
    KEPT = "KEPT"


@dataclass(frozen=True)
class Kind:
    """One kind of personal data in words, what closing makes of it, and what obliges us to keep what stays."""

    zh: str
    en: str
    fate: Fate
    basis_zh: str = ""


@dataclass(frozen=True)
class Retention:
    """How long one kind of personal data is kept after it was last needed, and the rule's source."""

    kind: str
    days: int
    basis_zh: str


class PersonalData(Protocol):
    """What one domain holds of residents, registered under the domain's name by its `personal_data.py`.

    Called in the caller's transaction, with the residents locked; the domains are called in the written order
    of locks. A port and not a fact, because joining and closing accounts are done by all or by none.
    """

    rank: int
    """Place in the written order of locks: 0 residents, 1 slots, 2 cases, 3 bills, 4 parcels."""

    kinds: Mapping[str, Kind]
    """What it holds, by the words that `forget`, `export` and `retention` use."""

    retention: tuple[Retention, ...]

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Make everything of one account the other's, deciding conflicts by rule; gives counts by kind."""

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        """Why the account cannot be closed yet; empty when nothing stands in the way. Changes nothing."""

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """Delete what nothing obliges us to keep and make the rest nobody's; gives counts by kind, also of the kept."""

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Everything held of the resident, opened, as plain values by kind; every row names its `id`."""

    async def purge(self, kind: str, before: datetime) -> int:
        """Delete at most 1,000 rows of a retention kind that were last needed before a moment; gives how many."""
