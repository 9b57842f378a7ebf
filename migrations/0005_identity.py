from migrations._together import AddFields
from tortoise import migrations
from tortoise.migrations import operations as ops
from app.identity.models import PersonKind
from app.kernel.db import new_id
from app.representation.rules import Basis, ClaimState, MandateState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('portal', '0004_jobs_and_guards')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Consent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='consents', on_delete=OnDelete.CASCADE)),
                ('purpose', fields.CharField(max_length=40)),
                ('version', fields.CharField(max_length=20)),
                ('given_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('withdrawn_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'consent', 'app': 'portal', 'constraints': [UniqueConstraint(fields=('resident_id', 'purpose'), name='one_consent_in_force', condition='withdrawn_at IS NULL')], 'pk_attr': 'id', 'table_description': 'That a resident agreed to one purpose under one version of the privacy notice; withdrawn, never deleted.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LegalPerson',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('account', fields.OneToOneField('portal.Resident', source_field='account_id', db_constraint=True, to_field='id', related_name='legal_person', on_delete=OnDelete.RESTRICT)),
                ('credit_code', fields.CharField(unique=True, max_length=18)),
                ('name', fields.CharField(max_length=120)),
                ('registered_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'legal_person', 'app': 'portal', 'pk_attr': 'id', 'table_description': 'A legal person (法人) by its unified social credit code; `account` is what cases and bills belong to.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Mandate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('principal', fields.ForeignKeyField('portal.Resident', source_field='principal_id', db_constraint=True, to_field='id', related_name='mandates_given', on_delete=OnDelete.RESTRICT)),
                ('agent_index', fields.CharField(db_index=True, max_length=64)),
                ('agent_name_sealed', fields.TextField(unique=False)),
                ('basis', fields.CharEnumField(description='GUARDIAN: GUARDIAN\nPROXY: PROXY\nLEGAL_REPRESENTATIVE: LEGAL_REPRESENTATIVE\nAUTHORISED_AGENT: AUTHORISED_AGENT', enum_type=Basis, max_length=30)),
                ('items', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharEnumField(description='IN_FORCE: IN_FORCE\nEXPIRED: EXPIRED\nREVOKED: REVOKED\nRESIGNED: RESIGNED\nREPLACED: REPLACED', enum_type=MandateState, max_length=20)),
                ('valid_from', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('valid_to', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('granted_by', fields.CharField(max_length=80)),
                ('granted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_by', fields.CharField(null=True, max_length=80)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('end_reason', fields.CharField(default='', db_default='', max_length=200)),
            ],
            options={'table': 'mandate', 'app': 'portal', 'constraints': [UniqueConstraint(fields=('principal_id', 'agent_index', 'basis'), name='one_live_mandate_per_agent_and_basis', condition="state = 'IN_FORCE'"), UniqueConstraint(fields=('principal_id',), name='one_legal_representative', condition="state = 'IN_FORCE' AND basis = 'LEGAL_REPRESENTATIVE'"), CheckConstraint(check='valid_to IS NULL OR valid_to > valid_from', name='mandate_has_length')], 'indexes': [Index(fields=['principal_id', 'state'])], 'pk_attr': 'id', 'table_description': 'Why an agent may act for a principal, in what and until when.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RepresentationClaim',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('claimant', fields.ForeignKeyField('portal.Resident', source_field='claimant_id', db_constraint=True, to_field='id', related_name='representation_claims', on_delete=OnDelete.RESTRICT)),
                ('basis', fields.CharEnumField(description='GUARDIAN: GUARDIAN\nPROXY: PROXY\nLEGAL_REPRESENTATIVE: LEGAL_REPRESENTATIVE\nAUTHORISED_AGENT: AUTHORISED_AGENT', enum_type=Basis, max_length=30)),
                ('subject_index', fields.CharField(max_length=64)),
                ('name_sealed', fields.TextField(null=True, unique=False)),
                ('number_sealed', fields.TextField(null=True, unique=False)),
                ('state', fields.CharEnumField(description='PENDING: PENDING\nCONFIRMED: CONFIRMED\nREFUSED: REFUSED\nWITHDRAWN: WITHDRAWN', enum_type=ClaimState, max_length=20)),
                ('made_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('mandate', fields.ForeignKeyField('portal.Mandate', source_field='mandate_id', null=True, db_constraint=True, to_field='id', related_name='claims', on_delete=OnDelete.RESTRICT)),
                ('decided_by', fields.CharField(null=True, max_length=80)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('reason', fields.CharField(default='', db_default='', max_length=200)),
            ],
            options={'table': 'representation_claim', 'app': 'portal', 'constraints': [UniqueConstraint(fields=('claimant_id', 'subject_index', 'basis'), name='one_pending_claim', condition="state = 'PENDING'"), CheckConstraint(check="(state = 'PENDING') = (number_sealed IS NOT NULL AND name_sealed IS NOT NULL)", name='claim_forgets')], 'indexes': [Index(fields=['state', 'id']), Index(fields=['claimant_id', 'id'])], 'pk_attr': 'id', 'table_description': "What a resident says of papers no window has seen yet: being a child's guardian, or a company's representative."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PostalAddress',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='addresses', on_delete=OnDelete.CASCADE)),
                ('label', fields.CharField(default='', max_length=20)),
                ('receiver_sealed', fields.TextField(unique=False)),
                ('phone_sealed', fields.TextField(unique=False)),
                ('division_code', fields.CharField(max_length=12)),
                ('detail_sealed', fields.TextField(unique=False)),
                ('preferred', fields.BooleanField(default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'postal_address', 'app': 'portal', 'constraints': [UniqueConstraint(fields=('resident_id',), name='one_preferred_address', condition='preferred')], 'indexes': [Index(fields=['resident_id', 'created_at'])], 'pk_attr': 'id', 'table_description': "One entry of a resident's address book; what names a person or a house is sealed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Preferences',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.OneToOneField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='preferences', on_delete=OnDelete.CASCADE)),
                ('large_type', fields.BooleanField(default=False)),
                ('muted', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'preferences', 'app': 'portal', 'pk_attr': 'id', 'table_description': 'How a resident likes to be shown and told things; without a row: the defaults.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='AuditLine',
            name='person',
            field=fields.UUIDField(null=True),
        ),
        ops.AddIndex(
            model_name='AuditLine',
            index=Index(fields=['person', 'at']),
        ),
        ops.RemoveConstraint(
            model_name='Case',
            name='one_open_case_per_item',
            fields=None,
        ),
        ops.AddField(
            model_name='Case',
            name='came_from_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddConstraint(
            model_name='Case',
            constraint=UniqueConstraint(fields=('resident_id', 'item_key'), name='one_open_case_per_item', condition="state NOT IN ('CLOSED', 'WITHDRAWN') AND came_from_id IS NULL"),
        ),
        AddFields(
            ops.AddField(
                model_name='ChannelBinding',
                name='session_secret_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='ChannelBinding',
                name='user_id',
                field=fields.CharField(null=True, max_length=64),
            ),
            ops.AddField(
                model_name='IdentityProof',
                name='level',
                field=fields.SmallIntField(default=1, db_default=1),
            ),
            ops.AddField(
                model_name='IdentityProof',
                name='session_id',
                field=fields.UUIDField(null=True),
            ),
            ops.AddField(
                model_name='IdentityProof',
                name='url',
                field=fields.TextField(null=True, unique=False),
            ),
        ),
        ops.AlterModelOptions(
            name='Resident',
            options={'table': 'resident', 'app': 'portal', 'constraints': [CheckConstraint(check='level BETWEEN 1 AND 4', name='resident_level')], 'pk_attr': 'id', 'table_description': 'An account: of a natural person, or of a legal person on whose behalf residents act.'},
        ),
        AddFields(
            ops.AddField(
                model_name='Resident',
                name='closed_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Resident',
                name='kind',
                field=fields.CharEnumField(default=PersonKind.NATURAL, description='NATURAL: NATURAL\nLEGAL: LEGAL', db_default=PersonKind.NATURAL, enum_type=PersonKind, max_length=20),
            ),
            ops.AddField(
                model_name='Resident',
                name='language',
                field=fields.CharField(default='', db_default='', max_length=5),
            ),
            ops.AddField(
                model_name='Resident',
                name='merged_into',
                field=fields.ForeignKeyField('portal.Resident', source_field='merged_into_id', null=True, db_constraint=True, to_field='id', related_name='merged_from', on_delete=OnDelete.RESTRICT),
            ),
            ops.AddField(
                model_name='Session',
                name='address',
                field=fields.CharField(default='', db_default='', max_length=64),
            ),
            ops.AddField(
                model_name='Session',
                name='binding',
                field=fields.ForeignKeyField('portal.ChannelBinding', source_field='binding_id', null=True, db_constraint=True, to_field='id', related_name='sessions', on_delete=OnDelete.SET_NULL),
            ),
            ops.AddField(
                model_name='Session',
                name='seen_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Staff',
                name='department_key',
                field=fields.CharField(null=True, max_length=60),
            ),
            ops.AddField(
                model_name='Staff',
                name='division_code',
                field=fields.CharField(default='', db_default='', max_length=12),
            ),
            ops.AddField(
                model_name='Staff',
                name='failed_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Staff',
                name='password_changed_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Staff',
                name='totp_pending_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Staff',
                name='totp_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Staff',
                name='totp_step',
                field=fields.BigIntField(default=0, db_default=0),
            ),
        ),
        ops.AddConstraint(
            model_name='Consent',
            constraint=UniqueConstraint(fields=('resident_id', 'purpose'), name='one_consent_in_force', condition='withdrawn_at IS NULL'),
        ),
        ops.AddConstraint(
            model_name='Mandate',
            constraint=UniqueConstraint(fields=('principal_id', 'agent_index', 'basis'), name='one_live_mandate_per_agent_and_basis', condition="state = 'IN_FORCE'"),
        ),
        ops.AddConstraint(
            model_name='Mandate',
            constraint=UniqueConstraint(fields=('principal_id',), name='one_legal_representative', condition="state = 'IN_FORCE' AND basis = 'LEGAL_REPRESENTATIVE'"),
        ),
        ops.AddConstraint(
            model_name='Mandate',
            constraint=CheckConstraint(check='valid_to IS NULL OR valid_to > valid_from', name='mandate_has_length'),
        ),
        ops.AddConstraint(
            model_name='RepresentationClaim',
            constraint=UniqueConstraint(fields=('claimant_id', 'subject_index', 'basis'), name='one_pending_claim', condition="state = 'PENDING'"),
        ),
        ops.AddConstraint(
            model_name='RepresentationClaim',
            constraint=CheckConstraint(check="(state = 'PENDING') = (number_sealed IS NOT NULL AND name_sealed IS NOT NULL)", name='claim_forgets'),
        ),
        ops.AddConstraint(
            model_name='PostalAddress',
            constraint=UniqueConstraint(fields=('resident_id',), name='one_preferred_address', condition='preferred'),
        ),
    ]
