from migrations._together import AddFields
from tortoise import migrations
from tortoise.migrations import operations as ops
from app.kernel.db import new_id
from app.payments.rules import BillKind, TreasuryLevel
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import Account, ReceiptKind, ReceiptState, RefundReason, StatementState, TaskKind, TaskState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

# Bills that are there already were all for cases.
FOR_WHAT = """
UPDATE bill SET item_key = case_file.item_key FROM case_file WHERE case_file.id = bill.case_id;
UPDATE bill SET division_code = department.division_code, treasury_level = CASE
    WHEN substr(rpad(department.division_code, 6, '0'), 5, 2) <> '00' THEN 'COUNTY'
    WHEN substr(rpad(department.division_code, 6, '0'), 3, 2) <> '00' THEN 'CITY' ELSE 'PROVINCE' END
FROM department WHERE department.key = bill.collecting_unit;
"""
# An entry is one statement; it has to add up to nothing, and what was entered stays.
LEDGER = """
CREATE FUNCTION ledger_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fresh GROUP BY journal HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'ledger_adds_up: a journal entry has to add up to nothing' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_adds_up();
CREATE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger_only_grows: entries are only ever added' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows();
"""
LEDGER_BACK = """
DROP TRIGGER ledger_only_grows ON ledger_entry;
DROP FUNCTION ledger_only_grows();
DROP TRIGGER ledger_adds_up ON ledger_entry;
DROP FUNCTION ledger_adds_up();
"""
# The ledger begins with what was owed and paid before there was one.
OPENING = """
INSERT INTO ledger_entry (journal, place, at, day, account, channel, unit, treasury_level, division_code, amount_fen,
                          bill_id)
SELECT 'issued:' || id, place, issued_at, (issued_at AT TIME ZONE 'Asia/Shanghai')::date, account, '', unit, level,
       division, fen, id
FROM bill, LATERAL (VALUES (1, 'PAYER', '', '', '', total_fen),
                           (2, 'UNIT', collecting_unit, treasury_level, division_code, -total_fen))
    AS line (place, account, unit, level, division, fen)
WHERE state IN ('CREATED', 'PAYING', 'PAID');
INSERT INTO ledger_entry (journal, place, at, day, account, channel, unit, treasury_level, division_code, amount_fen,
                          bill_id, attempt_id)
SELECT 'paid:' || id, place, paid_at, (paid_at AT TIME ZONE 'Asia/Shanghai')::date, account, held_by, '', '', '', fen,
       bill_id, id
FROM payment_attempt, LATERAL (VALUES (1, 'CLEARING', channel, amount_fen), (2, 'PAYER', '', -amount_fen))
    AS line (place, account, held_by, fen)
WHERE state = 'SUCCEEDED';
"""


class Migration(migrations.Migration):
    dependencies = [('portal', '0008_business_names')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Exemption',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('bill', fields.ForeignKeyField('portal.Bill', source_field='bill_id', db_constraint=True, to_field='id', related_name='exemptions', on_delete=OnDelete.RESTRICT)),
                ('line', fields.SmallIntField()),
                ('amount_fen', fields.BigIntField()),
                ('basis', fields.CharField(max_length=200)),
                ('proof', fields.CharField(max_length=200)),
                ('granted_by', fields.ForeignKeyField('portal.Staff', source_field='granted_by_id', db_constraint=True, to_field='id', related_name='bill_exemptions', on_delete=OnDelete.RESTRICT)),
                ('granted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'bill_exemption', 'app': 'portal', 'unique_together': (('bill_id', 'line'),), 'pk_attr': 'id', 'table_description': 'A part of one line of a bill, or all of it, that need not be paid, with the proof that was shown.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('journal', fields.CharField(max_length=80)),
                ('place', fields.SmallIntField()),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('day', fields.DateField()),
                ('account', fields.CharEnumField(description='PAYER: PAYER\nCLEARING: CLEARING\nUNIT: UNIT\nSURPLUS: SURPLUS\nREFUNDS: REFUNDS\nFEES: FEES\nREMITTED: REMITTED', enum_type=Account, max_length=20)),
                ('channel', fields.CharField(default='', max_length=30)),
                ('unit', fields.CharField(default='', max_length=60)),
                ('treasury_level', fields.CharField(default='', max_length=20)),
                ('division_code', fields.CharField(default='', max_length=12)),
                ('amount_fen', fields.BigIntField()),
                ('bill_id', fields.UUIDField(null=True)),
                ('attempt_id', fields.UUIDField(null=True)),
                ('refund_id', fields.UUIDField(null=True)),
            ],
            options={'table': 'ledger_entry', 'app': 'portal', 'unique_together': (('journal', 'place'),), 'indexes': [Index(fields=['day', 'account']), Index(fields=['bill_id'])], 'pk_attr': 'id', 'table_description': 'One line of a journal entry: debit positive, credit negative. Only ever added to; the database sees to it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MoneyTask',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='OURS_ONLY: OURS_ONLY\nTHEIRS_ONLY: THEIRS_ONLY\nAMOUNT: AMOUNT\nSTATE: STATE\nDATE_BOUNDARY: DATE_BOUNDARY\nFUNDS: FUNDS\nACCOUNT_BROKEN: ACCOUNT_BROKEN\nACCOUNT_CHANGED: ACCOUNT_CHANGED\nWRONG_AMOUNT: WRONG_AMOUNT\nWRONG_PAYER: WRONG_PAYER\nUNKNOWN_ORDER: UNKNOWN_ORDER\nREFUND_ABNORMAL: REFUND_ABNORMAL\nREFUND_REFUSED: REFUND_REFUSED\nRECEIPT_FAILED: RECEIPT_FAILED', enum_type=TaskKind, max_length=20)),
                ('subject', fields.CharField(max_length=120)),
                ('channel', fields.CharField(default='', max_length=30)),
                ('day', fields.DateField(null=True)),
                ('unit', fields.CharField(default='', max_length=60)),
                ('ours_fen', fields.BigIntField(null=True)),
                ('theirs_fen', fields.BigIntField(null=True)),
                ('detail', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharEnumField(description='OPEN: OPEN\nSETTLED: SETTLED\nDONE: DONE', enum_type=TaskState, max_length=20)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_by', fields.ForeignKeyField('portal.Staff', source_field='closed_by_id', null=True, db_constraint=True, to_field='id', related_name='money_tasks', on_delete=OnDelete.RESTRICT)),
                ('resolution', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'money_task', 'app': 'portal', 'unique_together': (('kind', 'subject'),), 'indexes': [Index(fields=['state', 'opened_at']), Index(fields=['channel', 'day'])], 'pk_attr': 'id', 'table_description': 'Something about money that needs a person, or needed one until it settled by itself.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Receipt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('bill', fields.ForeignKeyField('portal.Bill', source_field='bill_id', db_constraint=True, to_field='id', related_name='receipts', on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='FISCAL: FISCAL\nPLAIN: PLAIN', enum_type=ReceiptKind, max_length=20)),
                ('state', fields.CharEnumField(description='ISSUED: ISSUED\nVOIDED: VOIDED', enum_type=ReceiptState, max_length=20)),
                ('code', fields.CharField(max_length=20)),
                ('number', fields.CharField(max_length=20)),
                ('check_code', fields.CharField(max_length=20)),
                ('amount_fen', fields.BigIntField()),
                ('pdf_sealed', fields.TextField(null=True, unique=False)),
                ('issued_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('voided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('void_reason', fields.CharField(default='', max_length=200)),
                ('red_number', fields.CharField(default='', max_length=20)),
            ],
            options={'table': 'receipt', 'app': 'portal', 'unique_together': (('code', 'number'),), 'pk_attr': 'id', 'table_description': 'A receipt for a paid bill: a fiscal e-receipt where a platform is connected, otherwise a plain one.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ReceiptCounter',
            fields=[
                ('code', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=20)),
                ('given_out', fields.BigIntField()),
            ],
            options={'table': 'receipt_counter', 'app': 'portal', 'pk_attr': 'code', 'table_description': 'The last number of plain receipts given out under a receipt code.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Refund',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('attempt', fields.ForeignKeyField('portal.PaymentAttempt', source_field='attempt_id', db_constraint=True, to_field='id', related_name='refunds', on_delete=OnDelete.RESTRICT)),
                ('bill', fields.ForeignKeyField('portal.Bill', source_field='bill_id', db_constraint=True, to_field='id', related_name='refunds', on_delete=OnDelete.RESTRICT)),
                ('refund_no', fields.CharField(unique=True, max_length=64)),
                ('again_of', fields.UUIDField(null=True, unique=True)),
                ('reason', fields.CharEnumField(description='SURPLUS: SURPLUS\nHALL_CANCELLED: HALL_CANCELLED\nDEPOSIT_BACK: DEPOSIT_BACK\nPAID_TWICE: PAID_TWICE\nCHARGED_WRONGLY: CHARGED_WRONGLY\nEXEMPTED: EXEMPTED\nWITHDRAWN: WITHDRAWN\nOTHER: OTHER', enum_type=RefundReason, max_length=20)),
                ('remark', fields.CharField(default='', max_length=80)),
                ('amount_fen', fields.BigIntField()),
                ('lines', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharEnumField(description='REQUESTED: REQUESTED\nAPPROVED: APPROVED\nDECLINED: DECLINED\nPROCESSING: PROCESSING\nSUCCEEDED: SUCCEEDED\nABNORMAL: ABNORMAL\nCLOSED: CLOSED', enum_type=RefundState, max_length=20)),
                ('requested_by', fields.CharField(max_length=80)),
                ('requested_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_by', fields.ForeignKeyField('portal.Staff', source_field='decided_by_id', null=True, db_constraint=True, to_field='id', related_name='refunds_decided', on_delete=OnDelete.RESTRICT)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('provider_ref', fields.CharField(null=True, max_length=64)),
                ('asked', fields.SmallIntField(default=0)),
                ('ask_again_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('settled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('answer', fields.CharField(default='', db_default='', max_length=200)),
                ('handed_back_by', fields.ForeignKeyField('portal.Staff', source_field='handed_back_by_id', null=True, db_constraint=True, to_field='id', related_name='refunds_handed_back', on_delete=OnDelete.RESTRICT)),
            ],
            options={'table': 'refund', 'app': 'portal', 'indexes': [Index(fields=['state', 'ask_again_at']), Index(fields=['attempt_id']), Index(fields=['bill_id']), Index(fields=['settled_at'])], 'pk_attr': 'id', 'table_description': 'One repayment of money that came in with an attempt, wholly or in part.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Statement',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('channel', fields.CharField(max_length=30)),
                ('day', fields.DateField()),
                ('state', fields.CharEnumField(description='EXPECTED: EXPECTED\nMATCHED: MATCHED\nDIFFERENCES: DIFFERENCES\nSIGNED_OFF: SIGNED_OFF', enum_type=StatementState, max_length=20)),
                ('trade_digest', fields.CharField(default='', max_length=64)),
                ('funds_digest', fields.CharField(default='', max_length=64)),
                ('trade_file', fields.BinaryField(null=True)),
                ('funds_file', fields.BinaryField(null=True)),
                ('payments', fields.IntField(default=0)),
                ('refunds', fields.IntField(default=0)),
                ('paid_fen', fields.BigIntField(default=0)),
                ('refunded_fen', fields.BigIntField(default=0)),
                ('fees_e5', fields.BigIntField(default=0)),
                ('fetched_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('reconciled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('signed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('signed_by', fields.ForeignKeyField('portal.Staff', source_field='signed_by_id', null=True, db_constraint=True, to_field='id', related_name='statements', on_delete=OnDelete.RESTRICT)),
            ],
            options={'table': 'statement', 'app': 'portal', 'unique_together': (('channel', 'day'),), 'pk_attr': 'id', 'table_description': "A provider's account of one day, kept as it came; its day of ours is reconciled with it."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StatementLine',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('statement', fields.ForeignKeyField('portal.Statement', source_field='statement_id', db_constraint=True, to_field='id', related_name='entries', on_delete=OnDelete.RESTRICT)),
                ('order_no', fields.CharField(max_length=64)),
                ('refund_no', fields.CharField(default='', max_length=64)),
                ('provider_ref', fields.CharField(max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('fee_e5', fields.BigIntField(default=0)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('settled', fields.BooleanField()),
            ],
            options={'table': 'statement_line', 'app': 'portal', 'unique_together': (('statement_id', 'order_no', 'refund_no'),), 'indexes': [Index(fields=['order_no'])], 'pk_attr': 'id', 'table_description': "One line of a provider's account: a payment or a refund, and what we have matched it with."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TillCount',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('statement', fields.ForeignKeyField('portal.Statement', source_field='statement_id', db_constraint=True, to_field='id', related_name='counts', on_delete=OnDelete.RESTRICT)),
                ('cashier', fields.ForeignKeyField('portal.Staff', source_field='cashier_id', db_constraint=True, to_field='id', related_name='till_counts', on_delete=OnDelete.RESTRICT)),
                ('counted_fen', fields.BigIntField()),
                ('counted_by', fields.ForeignKeyField('portal.Staff', source_field='counted_by_id', db_constraint=True, to_field='id', related_name='tills_counted', on_delete=OnDelete.RESTRICT)),
                ('counted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'till_count', 'app': 'portal', 'unique_together': (('statement_id', 'cashier_id'),), 'pk_attr': 'id', 'table_description': 'What a cashier counted at the end of a day, of a channel at a window: the same as the ledger, or refused.'},
            bases=['Model'],
        ),
        ops.RemoveConstraint(
            model_name='Bill',
            name='bill_owes_something',
            fields=None,
        ),
        ops.AlterModelOptions(
            name='Bill',
            options={'table': 'bill', 'app': 'portal', 'constraints': [CheckConstraint(check="total_fen BETWEEN 1 AND 100000000 OR (total_fen = 0 AND state = 'WAIVED')", name='bill_owes_something'), CheckConstraint(check='refunded_fen BETWEEN 0 AND total_fen', name='bill_gives_back_what_was_paid'), CheckConstraint(check="(kind = 'CASE_FEE') = (case_id IS NOT NULL) AND (kind = 'DEPOSIT') = (booking_id IS NOT NULL)", name='bill_is_for_one_thing')], 'indexes': [Index(fields=['resident_id', 'issued_at']), Index(fields=['state', 'due_at'])], 'pk_attr': 'id', 'table_description': 'What somebody owes: for a case, for a booking, or by a notice that stands alone.'},
        ),
        ops.AlterField(
            model_name='Bill',
            name='case',
            field=fields.OneToOneField('portal.Case', source_field='case_id', null=True, db_constraint=True, to_field='id', related_name='bill', on_delete=OnDelete.RESTRICT),
        ),
        ops.AlterField(
            model_name='Bill',
            name='resident',
            field=fields.ForeignKeyField('portal.Resident', source_field='resident_id', null=True, db_constraint=True, to_field='id', related_name='bills', on_delete=OnDelete.RESTRICT),
        ),
        ops.AlterField(
            model_name='Bill',
            name='state',
            field=fields.CharEnumField(description='CREATED: CREATED\nPAYING: PAYING\nPAID: PAID\nRECEIPTED: RECEIPTED\nWAIVED: WAIVED\nEXPIRED: EXPIRED\nCANCELLED: CANCELLED\nPARTIALLY_REFUNDED: PARTIALLY_REFUNDED\nFULLY_REFUNDED: FULLY_REFUNDED', enum_type=BillState, max_length=20),
        ),
        AddFields(
            ops.AddField(
                model_name='Booking',
                name='deposit_fen',
                field=fields.IntField(null=True),
            ),
            ops.AddField(
                model_name='Bill',
                name='anyone_may_pay',
                field=fields.BooleanField(default=False, db_default=False),
            ),
            ops.AddField(
                model_name='Bill',
                name='booking',
                field=fields.OneToOneField('portal.Booking', source_field='booking_id', null=True, db_constraint=True, to_field='id', related_name='deposit', on_delete=OnDelete.RESTRICT),
            ),
            ops.AddField(
                model_name='Bill',
                name='division_code',
                field=fields.CharField(default='', db_default='', max_length=12),
            ),
            ops.AddField(
                model_name='Bill',
                name='issued_by',
                field=fields.ForeignKeyField('portal.Staff', source_field='issued_by_id', null=True, db_constraint=True, to_field='id', related_name='bills', on_delete=OnDelete.RESTRICT),
            ),
            ops.AddField(
                model_name='Bill',
                name='item_key',
                field=fields.CharField(default='', db_default='', max_length=60),
            ),
            ops.AddField(
                model_name='Bill',
                name='kind',
                field=fields.CharEnumField(default=BillKind.CASE_FEE, description='CASE_FEE: CASE_FEE\nDEPOSIT: DEPOSIT\nNOTICE: NOTICE', db_default=BillKind.CASE_FEE, enum_type=BillKind, max_length=20),
            ),
            ops.AddField(
                model_name='Bill',
                name='payer_name_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Bill',
                name='refunded_fen',
                field=fields.BigIntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='Bill',
                name='treasury_level',
                field=fields.CharEnumField(default=TreasuryLevel.CITY, description='CENTRAL: CENTRAL\nPROVINCE: PROVINCE\nCITY: CITY\nCOUNTY: COUNTY\nTOWNSHIP: TOWNSHIP', db_default=TreasuryLevel.CITY, enum_type=TreasuryLevel, max_length=20),
            ),
        ),
        ops.AddIndex(
            model_name='Bill',
            index=Index(fields=['resident_id', 'issued_at']),
        ),
        ops.AddIndex(
            model_name='Bill',
            index=Index(fields=['state', 'due_at']),
        ),
        ops.AddConstraint(
            model_name='Bill',
            constraint=CheckConstraint(check="total_fen BETWEEN 1 AND 100000000 OR (total_fen = 0 AND state = 'WAIVED')", name='bill_owes_something'),
        ),
        ops.AddConstraint(
            model_name='Bill',
            constraint=CheckConstraint(check='refunded_fen BETWEEN 0 AND total_fen', name='bill_gives_back_what_was_paid'),
        ),
        ops.AddConstraint(
            model_name='Bill',
            constraint=CheckConstraint(check="(kind = 'CASE_FEE') = (case_id IS NOT NULL) AND (kind = 'DEPOSIT') = (booking_id IS NOT NULL)", name='bill_is_for_one_thing'),
        ),
        ops.AlterModelOptions(
            name='PaymentAttempt',
            options={'table': 'payment_attempt', 'app': 'portal', 'constraints': [UniqueConstraint(fields=('bill_id',), name='one_success_per_bill', condition="state = 'SUCCEEDED'"), UniqueConstraint(fields=('bill_id',), name='one_live_attempt_per_bill', condition="state IN ('PREPARING', 'OPEN')"), CheckConstraint(check='amount_fen > 0', name='attempt_pays_something'), CheckConstraint(check='promised_fen BETWEEN 0 AND amount_fen', name='attempt_gives_back_what_came_in')], 'indexes': [Index(fields=['state', 'ask_again_at']), Index(fields=['channel', 'paid_at']), Index(fields=['bill_id'])], 'pk_attr': 'id', 'table_description': 'One order at a channel for a bill. A repeat is built from these stored values, never from the present.'},
        ),
        ops.AlterField(
            model_name='PaymentAttempt',
            name='state',
            field=fields.CharEnumField(description='PREPARING: PREPARING\nOPEN: OPEN\nSUCCEEDED: SUCCEEDED\nCLOSED: CLOSED\nSURPLUS: SURPLUS\nRETURNED: RETURNED', enum_type=AttemptState, max_length=20),
        ),
        AddFields(
            ops.AddField(
                model_name='PaymentAttempt',
                name='payer',
                field=fields.ForeignKeyField('portal.Resident', source_field='payer_id', null=True, db_constraint=True, to_field='id', related_name='payments', on_delete=OnDelete.RESTRICT),
            ),
            ops.AddField(
                model_name='PaymentAttempt',
                name='promised_fen',
                field=fields.BigIntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='PaymentAttempt',
                name='taken_by',
                field=fields.ForeignKeyField('portal.Staff', source_field='taken_by_id', null=True, db_constraint=True, to_field='id', related_name='takings', on_delete=OnDelete.RESTRICT),
            ),
        ),
        ops.AddIndex(
            model_name='PaymentAttempt',
            index=Index(fields=['channel', 'paid_at']),
        ),
        ops.AddIndex(
            model_name='PaymentAttempt',
            index=Index(fields=['bill_id']),
        ),
        ops.AddConstraint(
            model_name='PaymentAttempt',
            constraint=CheckConstraint(check='promised_fen BETWEEN 0 AND amount_fen', name='attempt_gives_back_what_came_in'),
        ),
        ops.AddConstraint(
            model_name='Exemption',
            constraint=CheckConstraint(check='amount_fen > 0', name='exemption_takes_something_off'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check='amount_fen <> 0', name='ledger_entry_moves_something'),
        ),
        ops.AddConstraint(
            model_name='Receipt',
            constraint=UniqueConstraint(fields=('bill_id',), name='one_receipt_in_force', condition="state = 'ISSUED'"),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=CheckConstraint(check='amount_fen > 0', name='refund_returns_something'),
        ),
        ops.RunSQL(FOR_WHAT, ""),
        ops.RunSQL(LEDGER, LEDGER_BACK),
        ops.RunSQL(OPENING, ""),
    ]
