from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('portal', '0011_till_counts')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Refund',
            name='handed_back_by',
            field=fields.ForeignKeyField('portal.Staff', source_field='handed_back_by_id', null=True, db_constraint=True, to_field='id', related_name='refunds_handed_back', on_delete=OnDelete.RESTRICT),
        ),
    ]
