from tortoise import migrations
from tortoise.migrations import operations as ops
from app.kernel.db import new_id
from app.payments.words import TaskKind
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("portal", "0010_refund_answer")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TillCount",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "portal.Statement",
                        source_field="statement_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="counts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "cashier",
                    fields.ForeignKeyField(
                        "portal.Staff",
                        source_field="cashier_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="till_counts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("counted_fen", fields.BigIntField()),
                (
                    "counted_by",
                    fields.ForeignKeyField(
                        "portal.Staff",
                        source_field="counted_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tills_counted",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("counted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "till_count",
                "app": "portal",
                "unique_together": (("statement_id", "cashier_id"),),
                "pk_attr": "id",
                "table_description": "What a cashier counted at the end of a day, of a channel at a window: the same as the ledger, or refused.",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="MoneyTask",
            name="kind",
            field=fields.CharEnumField(
                description="OURS_ONLY: OURS_ONLY\nTHEIRS_ONLY: THEIRS_ONLY\nAMOUNT: AMOUNT\nSTATE: STATE\nDATE_BOUNDARY: DATE_BOUNDARY\nFUNDS: FUNDS\nACCOUNT_BROKEN: ACCOUNT_BROKEN\nACCOUNT_CHANGED: ACCOUNT_CHANGED\nWRONG_AMOUNT: WRONG_AMOUNT\nWRONG_PAYER: WRONG_PAYER\nUNKNOWN_ORDER: UNKNOWN_ORDER\nREFUND_ABNORMAL: REFUND_ABNORMAL\nREFUND_REFUSED: REFUND_REFUSED\nRECEIPT_FAILED: RECEIPT_FAILED",
                enum_type=TaskKind,
                max_length=20,
            ),
        ),
        ops.AddIndex(
            model_name="Refund",
            index=Index(fields=["settled_at"]),
        ),
    ]
