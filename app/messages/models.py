"""Without this module nobody would know what a resident was told, in which words, and whether it arrived.

The database keeps the promises: one message for each fact and resident, one attempt for each message and channel,
one version of a template in use, no consent spent that was not given.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.identity.models import ChannelBinding, Resident
from app.kernel.db import new_id
from app.messages.words import AttemptState, MessageState, SubscriptionKind, TemplateState


class MessageTemplate(Model):
    """One version of the words for a kind of message on one channel in one language.

    In the inbox it is `title` and `body`; elsewhere `provider_template` with `entries`: `{name, text, options}`. Words
    in braces are values of the message. What was published never changes: the database refuses it.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    key = fields.CharField(max_length=40)
    channel = fields.CharField(max_length=30)
    language = fields.CharField(max_length=5)
    version = fields.IntField()
    state = fields.CharEnumField(TemplateState, max_length=20)
    provider_template = fields.CharField(max_length=100, default="")
    subscription = fields.CharEnumField(SubscriptionKind, max_length=20, default=SubscriptionKind.ONE_TIME)
    """What the host app asks for with this template."""

    page = fields.CharField(max_length=200, default="")
    entries: list[dict[str, Any]] = fields.JSONField(default=list)
    title = fields.CharField(max_length=60, default="")
    body: str = fields.TextField(default="")
    drafted_by = fields.CharField(max_length=80)
    drafted_at = fields.DatetimeField()
    published_at = fields.DatetimeField(null=True)
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message_template"
        unique_together = (("key", "channel", "language", "version"),)
        constraints = (
            UniqueConstraint(
                fields=("key", "channel", "language"), name="one_template_in_use", condition="state = 'PUBLISHED'"
            ),
        )


class Message(Model):
    """What one resident is told because of one fact. It is in the inbox from the beginning.

    `words` are the values for templates by language; `title` and `body` are what the inbox shows, in the version of
    `template`. `once_key` makes it once whatever happens.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="messages", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    key = fields.CharField(max_length=40)
    subject = fields.CharField(max_length=80)
    once_key = fields.CharField(max_length=200, unique=True)
    language = fields.CharField(max_length=5)
    words: dict[str, dict[str, str]] = fields.JSONField()
    template: fields.ForeignKeyRelation[MessageTemplate] = fields.ForeignKeyField(
        "portal.MessageTemplate", related_name="messages", on_delete=fields.RESTRICT
    )
    template_id: UUID
    title = fields.CharField(max_length=60)
    body: str = fields.TextField()
    page = fields.CharField(max_length=200, default="")
    must_send = fields.BooleanField(default=False)
    at_once = fields.BooleanField(default=False)
    not_before = fields.DatetimeField()
    useless_after = fields.DatetimeField(null=True)
    state = fields.CharEnumField(MessageState, max_length=20)
    made_at = fields.DatetimeField()
    settled_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message"
        indexes = (("resident_id", "id"), ("state", "id"), ("made_at",))


class MessageAttempt(Model):
    """A message on one channel. `template` is the version whose words went out; `code` the channel's own word."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField("portal.Message", related_name="attempts")
    message_id: UUID
    channel = fields.CharField(max_length=30)
    template: fields.ForeignKeyRelation[MessageTemplate] = fields.ForeignKeyField(
        "portal.MessageTemplate", related_name="attempts", on_delete=fields.RESTRICT
    )
    template_id: UUID
    state = fields.CharEnumField(AttemptState, max_length=20)
    consent_id: UUID | None = fields.UUIDField(null=True)
    """The subscription of which one was spent."""

    provider_ref = fields.CharField(max_length=100, null=True)
    code = fields.CharField(max_length=60, default="")
    tries = fields.SmallIntField(default=0)
    tried_at = fields.DatetimeField()
    next_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message_attempt"
        unique_together = (("message", "channel"),)
        indexes = (("tried_at",), ("channel", "provider_ref"))


class Subscription(Model):
    """What a user of a host app agreed to be sent by one template; it ends with the binding it belongs to.

    `balance` counts accepts not yet spent, as a hint: the platform's answer is the truth.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    binding: fields.ForeignKeyRelation[ChannelBinding] = fields.ForeignKeyField(
        "portal.ChannelBinding", related_name="subscriptions"
    )
    binding_id: UUID
    provider_template = fields.CharField(max_length=100)
    kind = fields.CharEnumField(SubscriptionKind, max_length=20)
    balance = fields.IntField(default=0)
    refused_at = fields.DatetimeField(null=True)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "subscription"
        unique_together = (("binding", "provider_template"),)
        constraints = (CheckConstraint(check="balance >= 0", name="consent_is_spent_once"),)
