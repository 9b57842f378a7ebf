from tortoise import migrations
from tortoise.migrations import operations as ops
from app.kernel.db import new_id
from app.messages.words import AttemptState, MessageState, SubscriptionKind, TemplateState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

# Messages are pinned to the version whose words went out: those words stay as they were.
FIXED = """
CREATE FUNCTION template_stays_as_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'template_stays_as_published: draft a new version instead' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER template_stays_as_published BEFORE UPDATE ON message_template FOR EACH ROW
    WHEN (OLD.state <> 'DRAFT' AND (OLD.key, OLD.channel, OLD.language, OLD.version, OLD.provider_template,
                                    OLD.subscription, OLD.page, OLD.entries, OLD.title, OLD.body)
          IS DISTINCT FROM (NEW.key, NEW.channel, NEW.language, NEW.version, NEW.provider_template,
                            NEW.subscription, NEW.page, NEW.entries, NEW.title, NEW.body))
    EXECUTE FUNCTION template_stays_as_published();
"""
FIXED_BACK = """
DROP TRIGGER template_stays_as_published ON message_template;
DROP FUNCTION template_stays_as_published();
"""


class Migration(migrations.Migration):
    dependencies = [('portal', '0010_window_pauses')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MessageTemplate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('key', fields.CharField(max_length=40)),
                ('channel', fields.CharField(max_length=30)),
                ('language', fields.CharField(max_length=5)),
                ('version', fields.IntField()),
                ('state', fields.CharEnumField(description='DRAFT: DRAFT\nPUBLISHED: PUBLISHED\nRETIRED: RETIRED', enum_type=TemplateState, max_length=20)),
                ('provider_template', fields.CharField(default='', max_length=100)),
                ('subscription', fields.CharEnumField(default=SubscriptionKind.ONE_TIME, description='ONE_TIME: ONE_TIME\nLONG_TERM: LONG_TERM', enum_type=SubscriptionKind, max_length=20)),
                ('page', fields.CharField(default='', max_length=200)),
                ('entries', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('title', fields.CharField(default='', max_length=60)),
                ('body', fields.TextField(default='', unique=False)),
                ('drafted_by', fields.CharField(max_length=80)),
                ('drafted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('published_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('retired_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'message_template', 'app': 'portal', 'unique_together': (('key', 'channel', 'language', 'version'),), 'constraints': [UniqueConstraint(fields=('key', 'channel', 'language'), name='one_template_in_use', condition="state = 'PUBLISHED'")], 'pk_attr': 'id', 'table_description': 'One version of the words for a kind of message on one channel in one language.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Message',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='messages', on_delete=OnDelete.RESTRICT)),
                ('key', fields.CharField(max_length=40)),
                ('subject', fields.CharField(max_length=80)),
                ('once_key', fields.CharField(unique=True, max_length=200)),
                ('language', fields.CharField(max_length=5)),
                ('words', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('template', fields.ForeignKeyField('portal.MessageTemplate', source_field='template_id', db_constraint=True, to_field='id', related_name='messages', on_delete=OnDelete.RESTRICT)),
                ('title', fields.CharField(max_length=60)),
                ('body', fields.TextField(unique=False)),
                ('page', fields.CharField(default='', max_length=200)),
                ('must_send', fields.BooleanField(default=False)),
                ('at_once', fields.BooleanField(default=False)),
                ('not_before', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('useless_after', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('state', fields.CharEnumField(description='WAITING: WAITING\nSENT: SENT\nINBOX_ONLY: INBOX_ONLY\nUNSURE: UNSURE\nOVER: OVER\nFAILED: FAILED', enum_type=MessageState, max_length=20)),
                ('made_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('settled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('read_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'message', 'app': 'portal', 'indexes': [Index(fields=['resident_id', 'id']), Index(fields=['state', 'id']), Index(fields=['made_at'])], 'pk_attr': 'id', 'table_description': 'What one resident is told because of one fact. It is in the inbox from the beginning.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MessageAttempt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('message', fields.ForeignKeyField('portal.Message', source_field='message_id', db_constraint=True, to_field='id', related_name='attempts', on_delete=OnDelete.CASCADE)),
                ('channel', fields.CharField(max_length=30)),
                ('template', fields.ForeignKeyField('portal.MessageTemplate', source_field='template_id', db_constraint=True, to_field='id', related_name='attempts', on_delete=OnDelete.RESTRICT)),
                ('state', fields.CharEnumField(description='CLAIMED: CLAIMED\nRETRY: RETRY\nSENT: SENT\nDELIVERED: DELIVERED\nREFUSED: REFUSED\nFAILED: FAILED\nUNSURE: UNSURE', enum_type=AttemptState, max_length=20)),
                ('consent_id', fields.UUIDField(null=True)),
                ('provider_ref', fields.CharField(null=True, max_length=100)),
                ('code', fields.CharField(default='', max_length=60)),
                ('tries', fields.SmallIntField(default=0)),
                ('tried_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('next_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'message_attempt', 'app': 'portal', 'unique_together': (('message', 'channel'),), 'indexes': [Index(fields=['tried_at']), Index(fields=['channel', 'provider_ref'])], 'pk_attr': 'id', 'table_description': "A message on one channel. `template` is the version whose words went out; `code` the channel's own word."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Subscription',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('binding', fields.ForeignKeyField('portal.ChannelBinding', source_field='binding_id', db_constraint=True, to_field='id', related_name='subscriptions', on_delete=OnDelete.CASCADE)),
                ('provider_template', fields.CharField(max_length=100)),
                ('kind', fields.CharEnumField(description='ONE_TIME: ONE_TIME\nLONG_TERM: LONG_TERM', enum_type=SubscriptionKind, max_length=20)),
                ('balance', fields.IntField(default=0)),
                ('refused_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'subscription', 'app': 'portal', 'unique_together': (('binding', 'provider_template'),), 'constraints': [CheckConstraint(check='balance >= 0', name='consent_is_spent_once')], 'pk_attr': 'id', 'table_description': 'What a user of a host app agreed to be sent by one template; it ends with the binding it belongs to.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Bill',
            name='due_told',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddConstraint(
            model_name='MessageTemplate',
            constraint=UniqueConstraint(fields=('key', 'channel', 'language'), name='one_template_in_use', condition="state = 'PUBLISHED'"),
        ),
        ops.AddConstraint(
            model_name='Subscription',
            constraint=CheckConstraint(check='balance >= 0', name='consent_is_spent_once'),
        ),
        ops.RunSQL(FIXED, FIXED_BACK),
    ]
