"""Without this module nobody would know what is owed, what came in and what went back.

One bill, many attempts, one success. The database itself keeps the promises about money: one success and one live
order per bill, never more back than came in, a ledger whose entries are only added and add up to nothing.
Amounts in fen.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.booking.models import Booking
from app.cases.models import Case
from app.identity.models import Resident, Staff
from app.kernel.db import new_id
from app.payments.rules import BillKind, TreasuryLevel
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import Account, ReceiptKind, ReceiptState, RefundReason, StatementState, TaskKind, TaskState
from app.texts.models import TextCheck


class Bill(Model):
    """What somebody owes: for a case, for a booking, or by a notice that stands alone.

    `lines`: `{fee_key, name, amount_fen, quantity, basis, standard, exempt_fen}`, all of one collecting unit;
    `total_fen` is what is left after exemptions.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.CharField(max_length=50, unique=True)
    kind = fields.CharEnumField(BillKind, max_length=20, default=BillKind.CASE_FEE, db_default=BillKind.CASE_FEE)
    case: fields.ForeignKeyNullableRelation[Case] = fields.OneToOneField(
        "portal.Case", related_name="bill", on_delete=fields.RESTRICT, null=True
    )
    case_id: UUID | None
    booking: fields.ForeignKeyNullableRelation[Booking] = fields.OneToOneField(
        "portal.Booking", related_name="deposit", on_delete=fields.RESTRICT, null=True
    )
    booking_id: UUID | None
    resident: fields.ForeignKeyNullableRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="bills", on_delete=fields.RESTRICT, null=True
    )
    resident_id: UUID | None
    payer_name_sealed: str | None = fields.TextField(null=True)
    """Of a notice to somebody who has no account here."""

    anyone_may_pay = fields.BooleanField(default=False, db_default=False)
    """Whether whoever knows the payment code may pay it."""

    item_key = fields.CharField(max_length=60, default="", db_default="")
    collecting_unit = fields.CharField(max_length=60)
    treasury_level = fields.CharEnumField(
        TreasuryLevel, max_length=20, default=TreasuryLevel.CITY, db_default=TreasuryLevel.CITY
    )
    division_code = fields.CharField(max_length=12, default="", db_default="")
    description = fields.CharField(max_length=120)
    lines: list[dict[str, Any]] = fields.JSONField()
    total_fen = fields.BigIntField()
    refunded_fen = fields.BigIntField(default=0, db_default=0)
    state = fields.CharEnumField(BillState, max_length=20)
    issued_at = fields.DatetimeField()
    issued_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="bills", on_delete=fields.RESTRICT, null=True
    )
    issued_by_id: UUID | None
    due_at = fields.DatetimeField()
    due_told = fields.DatetimeField(null=True)
    """The end of which somebody was reminded; a bill that is renewed has another."""

    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "bill"
        indexes = (("resident_id", "issued_at"), ("state", "due_at"))
        constraints = (
            CheckConstraint(
                check="total_fen BETWEEN 1 AND 100000000 OR (total_fen = 0 AND state = 'WAIVED')",
                name="bill_owes_something",
            ),
            CheckConstraint(check="refunded_fen BETWEEN 0 AND total_fen", name="bill_gives_back_what_was_paid"),
            CheckConstraint(
                check="(kind = 'CASE_FEE') = (case_id IS NOT NULL) AND (kind = 'DEPOSIT') = (booking_id IS NOT NULL)",
                name="bill_is_for_one_thing",
            ),
        )


class PaymentAttempt(Model):
    """One order at a channel for a bill. A repeat is built from these stored values, never from the present.

    `promised_fen` is what refunds have promised back; the database keeps it within what came in.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    bill: fields.ForeignKeyRelation[Bill] = fields.ForeignKeyField(
        "portal.Bill", related_name="attempts", on_delete=fields.RESTRICT
    )
    bill_id: UUID
    channel = fields.CharField(max_length=30)
    order_no = fields.CharField(max_length=32, unique=True)
    amount_fen = fields.BigIntField()
    promised_fen = fields.BigIntField(default=0, db_default=0)
    description = fields.CharField(max_length=120)
    payer: fields.ForeignKeyNullableRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    payer_id: UUID | None
    """Who opened it on a phone: the debtor, an agent, or whoever the bill lets pay."""

    payer_open_id = fields.CharField(max_length=128)
    taken_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="takings", on_delete=fields.RESTRICT, null=True
    )
    taken_by_id: UUID | None
    """The cashier, of money taken at a window."""

    state = fields.CharEnumField(AttemptState, max_length=20)
    prepay_ref = fields.CharField(max_length=128, null=True)
    prepaid_at = fields.DatetimeField(null=True)
    provider_ref = fields.CharField(max_length=64, null=True)
    opened_at = fields.DatetimeField()
    returned_at = fields.DatetimeField(null=True)
    """When the phone first said that it has paid: a hint, which its payer reads until the provider has spoken."""

    expires_at = fields.DatetimeField()
    asked = fields.SmallIntField(default=0)
    ask_again_at = fields.DatetimeField(null=True)
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_attempt"
        indexes = (("state", "ask_again_at"), ("channel", "paid_at"), ("bill_id",))
        constraints = (
            UniqueConstraint(fields=("bill_id",), name="one_success_per_bill", condition="state = 'SUCCEEDED'"),
            UniqueConstraint(
                fields=("bill_id",), name="one_live_attempt_per_bill", condition="state IN ('PREPARING', 'OPEN')"
            ),
            CheckConstraint(check="amount_fen > 0", name="attempt_pays_something"),
            CheckConstraint(check="promised_fen BETWEEN 0 AND amount_fen", name="attempt_gives_back_what_came_in"),
        )


class Refund(Model):
    """One repayment of money that came in with an attempt, wholly or in part.

    `lines`: `{line, amount_fen}` by the place of the bill's line; empty for surplus money, which no line waited for.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    attempt: fields.ForeignKeyRelation[PaymentAttempt] = fields.ForeignKeyField(
        "portal.PaymentAttempt", related_name="refunds", on_delete=fields.RESTRICT
    )
    attempt_id: UUID
    bill: fields.ForeignKeyRelation[Bill] = fields.ForeignKeyField(
        "portal.Bill", related_name="refunds", on_delete=fields.RESTRICT
    )
    bill_id: UUID
    refund_no = fields.CharField(max_length=64, unique=True)
    again_of: UUID | None = fields.UUIDField(null=True, unique=True)
    """The refund the provider gave up, which this one does again under a new number."""

    reason = fields.CharEnumField(RefundReason, max_length=20)
    remark = fields.CharField(max_length=80, default="")
    remark_check: fields.ForeignKeyNullableRelation[TextCheck] = fields.ForeignKeyField(
        "portal.TextCheck", related_name="refunds", on_delete=fields.SET_NULL, null=True
    )
    remark_check_id: UUID | None
    amount_fen = fields.BigIntField()
    lines: list[dict[str, Any]] = fields.JSONField()
    state = fields.CharEnumField(RefundState, max_length=20)
    requested_by = fields.CharField(max_length=80)
    """The actor's reference: `staff:…`, `resident:…`, `system:portal`."""

    requested_at = fields.DatetimeField()
    decided_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="refunds_decided", on_delete=fields.RESTRICT, null=True
    )
    decided_by_id: UUID | None
    decided_at = fields.DatetimeField(null=True)
    answer = fields.CharField(max_length=200, default="", db_default="")
    """Why it was declined or given up, as the resident reads it."""

    provider_ref = fields.CharField(max_length=64, null=True)
    asked = fields.SmallIntField(default=0)
    ask_again_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    handed_back_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="refunds_handed_back", on_delete=fields.RESTRICT, null=True
    )
    handed_back_by_id: UUID | None
    """The cashier, of money given back at a window: it is missing in their till."""

    class Meta:
        table = "refund"
        indexes = (("state", "ask_again_at"), ("attempt_id",), ("bill_id",), ("settled_at",), ("remark_check_id",))
        constraints = (CheckConstraint(check="amount_fen > 0", name="refund_returns_something"),)


class Exemption(Model):
    """A part of one line of a bill, or all of it, that need not be paid, with the proof that was shown."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    bill: fields.ForeignKeyRelation[Bill] = fields.ForeignKeyField(
        "portal.Bill", related_name="exemptions", on_delete=fields.RESTRICT
    )
    bill_id: UUID
    line = fields.SmallIntField()
    amount_fen = fields.BigIntField()
    basis = fields.CharField(max_length=200)
    proof = fields.CharField(max_length=200)
    granted_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="bill_exemptions", on_delete=fields.RESTRICT
    )
    granted_by_id: UUID
    granted_at = fields.DatetimeField()

    class Meta:
        table = "bill_exemption"
        unique_together = (("bill_id", "line"),)
        constraints = (CheckConstraint(check="amount_fen > 0", name="exemption_takes_something_off"),)


class LedgerEntry(Model):
    """One line of a journal entry: debit positive, credit negative. Only ever added to; the database sees to it."""

    id = fields.BigIntField(primary_key=True, generated=True)
    journal = fields.CharField(max_length=80)
    """What happened, once: `paid:<attempt>`, `refunded:<refund>`. Its lines add up to nothing."""

    place = fields.SmallIntField()
    at = fields.DatetimeField()
    day = fields.DateField()
    """The day in Shanghai on which the money moved, by the provider's clock."""

    account = fields.CharEnumField(Account, max_length=20)
    channel = fields.CharField(max_length=30, default="")
    unit = fields.CharField(max_length=60, default="")
    treasury_level = fields.CharField(max_length=20, default="")
    division_code = fields.CharField(max_length=12, default="")
    amount_fen = fields.BigIntField()
    bill_id: UUID | None = fields.UUIDField(null=True)
    attempt_id: UUID | None = fields.UUIDField(null=True)
    refund_id: UUID | None = fields.UUIDField(null=True)

    class Meta:
        table = "ledger_entry"
        unique_together = (("journal", "place"),)
        indexes = (("day", "account"), ("bill_id",))
        constraints = (CheckConstraint(check="amount_fen <> 0", name="ledger_entry_moves_something"),)


class MoneyTask(Model):
    """Something about money that needs a person, or needed one until it settled by itself."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(TaskKind, max_length=20)
    subject = fields.CharField(max_length=120)
    """What it is about: `payment:<id>`, `refund:<id>`, `statement:wechat/2026-01-31/<order>`."""

    channel = fields.CharField(max_length=30, default="")
    day = fields.DateField(null=True)
    unit = fields.CharField(max_length=60, default="")
    ours_fen = fields.BigIntField(null=True)
    theirs_fen = fields.BigIntField(null=True)
    detail: dict[str, Any] = fields.JSONField(default=dict)
    state = fields.CharEnumField(TaskState, max_length=20)
    opened_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    closed_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="money_tasks", on_delete=fields.RESTRICT, null=True
    )
    closed_by_id: UUID | None
    resolution = fields.CharField(max_length=200, default="")

    class Meta:
        table = "money_task"
        unique_together = (("kind", "subject"),)
        indexes = (("state", "opened_at"), ("channel", "day"))


class Statement(Model):
    """A provider's account of one day, kept as it came; its day of ours is reconciled with it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    channel = fields.CharField(max_length=30)
    day = fields.DateField()
    state = fields.CharEnumField(StatementState, max_length=20)
    trade_digest = fields.CharField(max_length=64, default="")
    funds_digest = fields.CharField(max_length=64, default="")
    trade_file = fields.BinaryField(null=True)
    funds_file = fields.BinaryField(null=True)
    """Compressed (zlib) as verified."""

    payments = fields.IntField(default=0)
    refunds = fields.IntField(default=0)
    paid_fen = fields.BigIntField(default=0)
    refunded_fen = fields.BigIntField(default=0)
    fees_e5 = fields.BigIntField(default=0)
    """The channel's fees in hundred-thousandths of a yuan, as its bill gives them."""

    fetched_at = fields.DatetimeField(null=True)
    reconciled_at = fields.DatetimeField(null=True)
    signed_at = fields.DatetimeField(null=True)
    signed_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="statements", on_delete=fields.RESTRICT, null=True
    )
    signed_by_id: UUID | None

    class Meta:
        table = "statement"
        unique_together = (("channel", "day"),)


class StatementLine(Model):
    """One line of a provider's account: a payment or a refund, and what we have matched it with."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    statement: fields.ForeignKeyRelation[Statement] = fields.ForeignKeyField(
        "portal.Statement", related_name="entries", on_delete=fields.RESTRICT
    )
    statement_id: UUID
    order_no = fields.CharField(max_length=64)
    refund_no = fields.CharField(max_length=64, default="")
    """Empty for a payment."""

    provider_ref = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    fee_e5 = fields.BigIntField(default=0)
    at = fields.DatetimeField()
    settled = fields.BooleanField()
    """False for a refund that is not through yet."""

    class Meta:
        table = "statement_line"
        unique_together = (("statement_id", "order_no", "refund_no"),)
        indexes = (("order_no",),)


class TillCount(Model):
    """What a cashier counted at the end of a day, of a channel at a window: the same as the ledger, or refused."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    statement: fields.ForeignKeyRelation[Statement] = fields.ForeignKeyField(
        "portal.Statement", related_name="counts", on_delete=fields.RESTRICT
    )
    statement_id: UUID
    cashier: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="till_counts", on_delete=fields.RESTRICT
    )
    cashier_id: UUID
    counted_fen = fields.BigIntField()
    counted_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="tills_counted", on_delete=fields.RESTRICT
    )
    counted_by_id: UUID
    counted_at = fields.DatetimeField()

    class Meta:
        table = "till_count"
        unique_together = (("statement_id", "cashier_id"),)


class Receipt(Model):
    """A receipt for a paid bill: a fiscal e-receipt where a platform is connected, otherwise a plain one.

    Once issued it is never changed: it is voided, and another one follows.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    bill: fields.ForeignKeyRelation[Bill] = fields.ForeignKeyField(
        "portal.Bill", related_name="receipts", on_delete=fields.RESTRICT
    )
    bill_id: UUID
    kind = fields.CharEnumField(ReceiptKind, max_length=20)
    state = fields.CharEnumField(ReceiptState, max_length=20)
    code = fields.CharField(max_length=20)
    number = fields.CharField(max_length=20)
    check_code = fields.CharField(max_length=20)
    amount_fen = fields.BigIntField()
    pdf_sealed: str | None = fields.TextField(null=True)
    """The signed document in base64; it bears the payer's name. Drawn just after the receipt is issued."""

    issued_at = fields.DatetimeField()
    voided_at = fields.DatetimeField(null=True)
    void_reason = fields.CharField(max_length=200, default="")
    """Set while it is still in force, it says that it is being taken back."""

    red_number = fields.CharField(max_length=20, default="")
    """Number of the red-letter receipt that took it back (冲红)."""

    class Meta:
        table = "receipt"
        unique_together = (("code", "number"),)
        constraints = (
            UniqueConstraint(fields=("bill_id",), name="one_receipt_in_force", condition="state = 'ISSUED'"),
        )


class BillCounter(Model):
    """The last sequence number of payment codes given out for a division and year."""

    id = fields.BigIntField(primary_key=True)
    division_code = fields.CharField(max_length=6)
    year = fields.SmallIntField()
    given_out = fields.BigIntField()

    class Meta:
        table = "bill_counter"
        unique_together = (("division_code", "year"),)


class ReceiptCounter(Model):
    """The last number of plain receipts given out under a receipt code."""

    code = fields.CharField(max_length=20, primary_key=True)
    given_out = fields.BigIntField()

    class Meta:
        table = "receipt_counter"
