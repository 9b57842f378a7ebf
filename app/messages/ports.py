"""Without this module a message could only be sent by one provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

RECEIPT_TOPIC = "messages.receipt"
"""Topic of verified delivery reports; the content is `{"told": [Receipt, …]}` in JSON."""

CONSENT_TOPIC = "messages.consent"
"""Topic of verified changes of consent; the content is `{"told": [ConsentNews, …]}` in JSON."""


class FieldStyle(StrEnum):
    """How the fields of a channel's templates are called and what they hold."""

    TYPED = "TYPED"
    """`thing1`, `time2`: each kind has its limits."""

    KEYWORDS = "KEYWORDS"
    """`keyword1`: text."""

    PARAMETERS = "PARAMETERS"
    """`item`, `time`: short text in a sentence the gateway keeps."""


class Address(StrEnum):
    """What a channel finds a resident by."""

    USER = "USER"
    """The host app's own name of its user."""

    PHONE = "PHONE"


@dataclass(frozen=True)
class Letter:
    """One message for one channel. `reference` is ours and unique; `language` is `zh` or `en`."""

    reference: str
    to: str
    template: str
    fields: Mapping[str, str]
    page: str
    language: str


@dataclass(frozen=True)
class Sent:
    """The channel took it. `provider_ref` is its number where it gives one: delivery reports name it."""

    provider_ref: str | None = None


@dataclass(frozen=True)
class Refused:
    """The resident does not want it, or cannot be reached there: never again. `code` is the channel's word.

    `consent_used_up`: no consent is left, whatever we counted.
    """

    code: str
    consent_used_up: bool = False


@dataclass(frozen=True)
class Misconfigured:
    """The channel does not take it as it is, nor later: a template, a page or our account is wrong."""

    code: str


@dataclass(frozen=True)
class NotTaken:
    """The channel certainly did not take it and may take it later, not before `retry_after` when it says so."""

    code: str
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class Unsure:
    """No usable answer: it may have been sent."""

    code: str


Outcome = Sent | Refused | Misconfigured | NotTaken | Unsure


class MessageChannel(Protocol):
    """A way to reach residents outside the app, registered by its code (that of the sign-in channel, or `sms`)."""

    name_zh: str
    name_en: str
    address: Address
    style: FieldStyle

    asks_consent: bool
    """Whether residents agree to each template in the host app."""

    async def send(self, letter: Letter) -> Outcome:
        """Hand it over once. Raises nothing: whatever happens is an outcome."""


@dataclass(frozen=True)
class Receipt:
    """A channel's later word on what it took."""

    channel: str
    provider_ref: str
    delivered: bool
    code: str = ""


@dataclass(frozen=True)
class ConsentNews:
    """A host app's word on what its user answered about a template, or changed in its settings (`switched_off`)."""

    channel: str
    app_id: str
    open_id: str
    template: str
    accepted: bool
    switched_off: bool = False
