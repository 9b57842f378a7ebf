from migrations._together import AddFields
from tortoise import migrations
from tortoise.migrations import operations as ops
from app.kernel.db import new_id
from app.texts.ports import Concern
from app.texts.rules import TextKind, TextStanding
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('portal', '0012_parcels_both_ways')]

    initial = False

    operations = [
        ops.CreateModel(
            name='TextCheck',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='APPEAL_GROUNDS: APPEAL_GROUNDS\nREFUND_REMARK: REFUND_REMARK', enum_type=TextKind, max_length=20)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='text_checks', on_delete=OnDelete.RESTRICT)),
                ('division_code', fields.CharField(max_length=12)),
                ('department', fields.CharField(default='', max_length=60)),
                ('standing', fields.CharEnumField(description='PASSED: PASSED\nREVIEW: REVIEW\nUNCHECKED: UNCHECKED\nAPPROVED: APPROVED\nWITHHELD: WITHHELD', enum_type=TextStanding, max_length=10)),
                ('concern', fields.CharEnumField(description='NONE: NONE\nADVERTISING: ADVERTISING\nPOLITICS: POLITICS\nPORNOGRAPHY: PORNOGRAPHY\nABUSE: ABUSE\nCRIME: CRIME\nFRAUD: FRAUD\nVULGAR: VULGAR\nCOPYRIGHT: COPYRIGHT\nOTHER: OTHER\nUNANSWERED: UNANSWERED', enum_type=Concern, max_length=20)),
                ('provider', fields.CharField(default='', max_length=30)),
                ('trace', fields.CharField(default='', max_length=100)),
                ('text_sealed', fields.TextField(null=True, unique=False)),
                ('checked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_by', fields.ForeignKeyField('portal.Staff', source_field='decided_by_id', null=True, db_constraint=True, to_field='id', related_name='texts_decided', on_delete=OnDelete.RESTRICT)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'text_check', 'app': 'portal', 'indexes': [Index(fields=['standing', 'id']), Index(fields=['resident_id'])], 'pk_attr': 'id', 'table_description': 'What a platform and then a person said of one text.'},
            bases=['Model'],
        ),
        AddFields(
            ops.AddField(
                model_name='CreditAppeal',
                name='grounds_check',
                field=fields.ForeignKeyField('portal.TextCheck', source_field='grounds_check_id', null=True, db_constraint=True, to_field='id', related_name='credit_appeals', on_delete=OnDelete.SET_NULL),
            ),
            ops.AddField(
                model_name='Refund',
                name='remark_check',
                field=fields.ForeignKeyField('portal.TextCheck', source_field='remark_check_id', null=True, db_constraint=True, to_field='id', related_name='refunds', on_delete=OnDelete.SET_NULL),
            ),
        ),
        ops.AddIndex(
            model_name='CreditAppeal',
            index=Index(fields=['grounds_check_id']),
        ),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['remark_check_id']),
        ),
    ]
