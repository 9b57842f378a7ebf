from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("portal", "0013_text_checks")]

    initial = False

    operations = [
        ops.AddField(
            model_name="PaymentAttempt",
            name="returned_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
