from app.delivery.words import TaskKind
from migrations._together import AddFields
from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("portal", "0014_phone_returned")]

    initial = False

    operations = [
        ops.AlterField(
            model_name="DeliveryTask",
            name="kind",
            field=fields.CharEnumField(
                description="RETURNED: RETURNED\nREFUSED: REFUSED\nLOST: LOST\nDELIVERY_UNDONE: DELIVERY_UNDONE\nRECEIPT_UNCONFIRMED: RECEIPT_UNCONFIRMED\nSTUCK: STUCK\nUNKNOWN_CODE: UNKNOWN_CODE\nUNREADABLE_TIME: UNREADABLE_TIME\nORDER_FAILED: ORDER_FAILED\nOTHER_CARRIER: OTHER_CARRIER\nMATERIALS_MISSING: MATERIALS_MISSING\nSETTLEMENT_OURS_ONLY: SETTLEMENT_OURS_ONLY\nSETTLEMENT_THEIRS_ONLY: SETTLEMENT_THEIRS_ONLY\nSETTLEMENT_WEIGHT: SETTLEMENT_WEIGHT\nSETTLEMENT_FEE: SETTLEMENT_FEE\nSETTLEMENT_PAID_ALREADY: SETTLEMENT_PAID_ALREADY",
                enum_type=TaskKind,
                max_length=30,
            ),
        ),
        AddFields(
            ops.AddField(
                model_name="Parcel",
                name="confirmed_at",
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name="Parcel",
                name="hall",
                field=fields.CharField(default="", db_default="", max_length=40),
            ),
            ops.AddField(
                model_name="Parcel",
                name="handed_over_at",
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name="Parcel",
                name="lost_at",
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
        ),
        ops.AddIndex(
            model_name="Parcel",
            index=Index(fields=["carrier", "delivered_at"]),
        ),
    ]
