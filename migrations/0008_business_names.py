from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('portal', '0007_halls_and_queues')]

    initial = False

    operations = [
        ops.CreateModel(
            name='QueueCategory',
            fields=[
                ('prefix', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=2)),
                ('name_zh', fields.CharField(max_length=80)),
                ('name_en', fields.CharField(max_length=120)),
            ],
            options={'table': 'queue_category', 'app': 'portal', 'pk_attr': 'prefix', 'table_description': 'A business as people read it beside its letter.'},
            bases=['Model'],
        ),
    ]
