from migrations._together import AddFields
from tortoise import migrations
from tortoise.migrations import operations as ops
from app.delivery.ports import Payer
from app.delivery.rules import Watch
from app.delivery.words import Direction, OrderState, TaskKind, TaskState
from app.kernel.db import new_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

# Until now a parcel held the result of one case.
CONTENTS = """
INSERT INTO parcel_case (id, parcel_id, case_id, found) SELECT gen_random_uuid(), id, case_id, '[]' FROM parcel;
"""
CONTENTS_BACK = """
UPDATE parcel SET case_id = content.case_id FROM parcel_case content WHERE content.parcel_id = parcel.id;
"""

class Migration(migrations.Migration):
    dependencies = [('portal', '0011_messages')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DeliveryTask',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='RETURNED: RETURNED\nREFUSED: REFUSED\nLOST: LOST\nDELIVERY_UNDONE: DELIVERY_UNDONE\nSTUCK: STUCK\nUNKNOWN_CODE: UNKNOWN_CODE\nORDER_FAILED: ORDER_FAILED\nOTHER_CARRIER: OTHER_CARRIER\nMATERIALS_MISSING: MATERIALS_MISSING\nSETTLEMENT_OURS_ONLY: SETTLEMENT_OURS_ONLY\nSETTLEMENT_THEIRS_ONLY: SETTLEMENT_THEIRS_ONLY\nSETTLEMENT_WEIGHT: SETTLEMENT_WEIGHT\nSETTLEMENT_FEE: SETTLEMENT_FEE', enum_type=TaskKind, max_length=30)),
                ('subject', fields.CharField(max_length=120)),
                ('parcel', fields.ForeignKeyField('portal.Parcel', source_field='parcel_id', null=True, db_constraint=True, to_field='id', related_name='tasks', on_delete=OnDelete.CASCADE)),
                ('detail', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharEnumField(description='OPEN: OPEN\nDONE: DONE', enum_type=TaskState, max_length=10)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_by_id', fields.UUIDField(null=True)),
                ('remark', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'delivery_task', 'app': 'portal', 'unique_together': (('kind', 'subject'),), 'indexes': [Index(fields=['state', 'opened_at']), Index(fields=['parcel_id'])], 'pk_attr': 'id', 'table_description': 'Something about a parcel that needs a person.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NumberUse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tracker', fields.CharField(max_length=30)),
                ('number', fields.CharField(max_length=50)),
                ('month', fields.CharField(max_length=7)),
                ('subscriptions', fields.SmallIntField()),
                ('queried_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'parcel_number_use', 'app': 'portal', 'unique_together': (('tracker', 'number'),), 'pk_attr': 'id', 'table_description': 'How often a tracker was asked about a number: it locks numbers that are asked about too often.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ParcelCase',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('parcel', fields.ForeignKeyField('portal.Parcel', source_field='parcel_id', db_constraint=True, to_field='id', related_name='contents', on_delete=OnDelete.CASCADE)),
                ('case', fields.ForeignKeyField('portal.Case', source_field='case_id', db_constraint=True, to_field='id', related_name='packed', on_delete=OnDelete.RESTRICT)),
                ('found', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'parcel_case', 'app': 'portal', 'unique_together': (('parcel', 'case'),), 'indexes': [Index(fields=['case_id'])], 'pk_attr': 'id', 'table_description': 'A case whose papers are in a parcel; all of one parcel are of one resident.'},
            bases=['Model'],
        ),
        ops.RemoveIndex(
            model_name='Parcel',
            name=None,
            fields=['case_id', 'registered_at'],
        ),
        ops.AlterModelOptions(
            name='Parcel',
            options={'table': 'parcel', 'app': 'portal', 'unique_together': (('carrier', 'tracking_number'),), 'constraints': [CheckConstraint(check='tracking_number IS NOT NULL OR order_no IS NOT NULL', name='a_parcel_has_a_number_or_an_order'), CheckConstraint(check='(order_no IS NULL) = (order_state IS NULL)', name='an_order_has_a_state'), CheckConstraint(check='fee_fen >= 0 AND weight_g >= 0', name='weight_and_fee_are_not_negative')], 'indexes': [Index(fields=['watch', 'heard_at']), Index(fields=['tracking_number']), Index(fields=['order_state', 'registered_at']), Index(fields=['state', 'state_at']), Index(fields=['carrier', 'from_division', 'to_division', 'delivered_at']), Index(fields=['look_again_at'])], 'pk_attr': 'id', 'table_description': 'One parcel, whichever way it goes; who sends and who receives it are sealed snapshots of that day.'},
        ),
        ops.AlterField(
            model_name='Parcel',
            name='tracking_number',
            field=fields.CharField(null=True, max_length=50),
        ),
        ops.AlterField(
            model_name='Parcel',
            name='watch',
            field=fields.CharEnumField(description='NO_NUMBER: NO_NUMBER\nASKED: ASKED\nWATCHED: WATCHED\nREFUSED: REFUSED\nENDED: ENDED', enum_type=Watch, max_length=20),
        ),
        AddFields(
            ops.AddField(
                model_name='Parcel',
                name='agent',
                field=fields.CharField(default='', db_default='', max_length=30),
            ),
            ops.AddField(
                model_name='Parcel',
                name='carrier_ref',
                field=fields.CharField(default='', db_default='', max_length=80),
            ),
            ops.AddField(
                model_name='Parcel',
                name='courier_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='delivered_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='direction',
                field=fields.CharEnumField(default=Direction.RESULT_TO_APPLICANT, description='RESULT_TO_APPLICANT: RESULT_TO_APPLICANT\nMATERIAL_TO_HALL: MATERIAL_TO_HALL\nMATERIAL_RETURN: MATERIAL_RETURN', db_default=Direction.RESULT_TO_APPLICANT, enum_type=Direction, max_length=20),
            ),
            ops.AddField(
                model_name='Parcel',
                name='expected_from',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='expected_until',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='fee_fen',
                field=fields.BigIntField(null=True),
            ),
            ops.AddField(
                model_name='Parcel',
                name='from_division',
                field=fields.CharField(default='', db_default='', max_length=12),
            ),
            ops.AddField(
                model_name='Parcel',
                name='look_again_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='needs_identity',
                field=fields.BooleanField(default=False, db_default=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='news_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='order_no',
                field=fields.CharField(null=True, unique=True, max_length=32),
            ),
            ops.AddField(
                model_name='Parcel',
                name='order_remark',
                field=fields.CharField(default='', db_default='', max_length=200),
            ),
            ops.AddField(
                model_name='Parcel',
                name='order_state',
                field=fields.CharEnumField(null=True, description='ASKED: ASKED\nPLACED: PLACED\nCANCEL_ASKED: CANCEL_ASKED\nPICKED_UP: PICKED_UP\nCANCELLED: CANCELLED\nFAILED: FAILED', enum_type=OrderState, max_length=20),
            ),
            ops.AddField(
                model_name='Parcel',
                name='payer',
                field=fields.CharEnumField(default=Payer.CITY, description='CITY: CITY\nSENDER: SENDER\nRECIPIENT_ON_DELIVERY: RECIPIENT_ON_DELIVERY', db_default=Payer.CITY, enum_type=Payer, max_length=25),
            ),
            ops.AddField(
                model_name='Parcel',
                name='picked_up_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='pickup_from',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='pickup_until',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='received_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='sender_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='settled_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='settled_fen',
                field=fields.BigIntField(null=True),
            ),
            ops.AddField(
                model_name='Parcel',
                name='to_division',
                field=fields.CharField(default='', db_default='', max_length=12),
            ),
            ops.AddField(
                model_name='Parcel',
                name='tried_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Parcel',
                name='weight_g',
                field=fields.IntField(null=True),
            ),
        ),
        ops.RunSQL(CONTENTS, CONTENTS_BACK),
        ops.RemoveField(model_name='Parcel', name='case'),
        ops.AddIndex(
            model_name='Parcel',
            index=Index(fields=['tracking_number']),
        ),
        ops.AddIndex(
            model_name='Parcel',
            index=Index(fields=['order_state', 'registered_at']),
        ),
        ops.AddIndex(
            model_name='Parcel',
            index=Index(fields=['state', 'state_at']),
        ),
        ops.AddIndex(
            model_name='Parcel',
            index=Index(fields=['carrier', 'from_division', 'to_division', 'delivered_at']),
        ),
        ops.AddIndex(
            model_name='Parcel',
            index=Index(fields=['look_again_at']),
        ),
        ops.AddConstraint(
            model_name='Parcel',
            constraint=CheckConstraint(check='tracking_number IS NOT NULL OR order_no IS NOT NULL', name='a_parcel_has_a_number_or_an_order'),
        ),
        ops.AddConstraint(
            model_name='Parcel',
            constraint=CheckConstraint(check='(order_no IS NULL) = (order_state IS NULL)', name='an_order_has_a_state'),
        ),
        ops.AddConstraint(
            model_name='Parcel',
            constraint=CheckConstraint(check='fee_fen >= 0 AND weight_g >= 0', name='weight_and_fee_are_not_negative'),
        ),
        ops.AddField(
            model_name='ParcelEvent',
            name='undoes',
            field=fields.CharField(default='', db_default='', max_length=30),
        ),
    ]
