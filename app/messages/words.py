"""Without this module the states of a message would be free text. Values only."""

from __future__ import annotations

from enum import StrEnum

INBOX = "inbox"
"""The channel that is always there: the list inside the app."""


class MessageState(StrEnum):
    """How far a message came beyond the inbox, where it is from the beginning."""

    WAITING = "WAITING"
    SENT = "SENT"
    INBOX_ONLY = "INBOX_ONLY"
    UNSURE = "UNSURE"
    OVER = "OVER"
    FAILED = "FAILED"


class AttemptState(StrEnum):
    """What became of a message on one channel."""

    CLAIMED = "CLAIMED"
    RETRY = "RETRY"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    UNSURE = "UNSURE"


TAKEN = frozenset({AttemptState.SENT, AttemptState.DELIVERED})
"""A channel took it."""

ENDED = frozenset(AttemptState) - {AttemptState.CLAIMED, AttemptState.RETRY}
"""The channel is not asked again for this message."""


class TemplateState(StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    RETIRED = "RETIRED"


class SubscriptionKind(StrEnum):
    """One accept for one message, or one for all that come (政务类目长期订阅)."""

    ONE_TIME = "ONE_TIME"
    LONG_TERM = "LONG_TERM"


class Consent(StrEnum):
    """What a resident answered when the host app asked about a template."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    BAN = "BAN"
    FILTER = "FILTER"


class AskMoment(StrEnum):
    """When the mini-program may ask: after a tap or a payment."""

    AFTER_BOOKING = "AFTER_BOOKING"
    AFTER_APPLYING = "AFTER_APPLYING"
    AFTER_PAYMENT = "AFTER_PAYMENT"
    IN_QUEUE = "IN_QUEUE"
    ON_WAITING_LIST = "ON_WAITING_LIST"


TEMPLATE_WORDS: dict[TemplateState, tuple[str, str]] = {
    TemplateState.DRAFT: ("草稿", "draft"),
    TemplateState.PUBLISHED: ("使用中", "in use"),
    TemplateState.RETIRED: ("已停用", "retired"),
}

MESSAGE_WORDS: dict[MessageState, tuple[str, str]] = {
    MessageState.WAITING: ("等待发送", "to be sent"),
    MessageState.SENT: ("已发送", "sent"),
    MessageState.INBOX_ONLY: ("仅站内消息", "in the inbox only"),
    MessageState.UNSURE: ("发送结果不明", "outcome unknown"),
    MessageState.OVER: ("已过时效,不再发送", "no longer worth sending"),
    MessageState.FAILED: ("发送失败", "not sent"),
}
