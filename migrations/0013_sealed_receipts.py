from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('portal', '0012_refund_handed_back')]

    initial = False

    operations = [
        ops.RemoveField(
            model_name='Receipt',
            name='pdf',
        ),
        ops.AddField(
            model_name='Receipt',
            name='pdf_sealed',
            field=fields.TextField(null=True, unique=False),
        ),
    ]
