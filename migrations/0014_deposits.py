from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('portal', '0013_sealed_receipts')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Booking',
            name='deposit_fen',
            field=fields.IntField(null=True),
        ),
    ]
