from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('portal', '0009_payments')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Refund',
            name='answer',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
    ]
