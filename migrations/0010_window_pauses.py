from tortoise import migrations
from tortoise.migrations import operations as ops
from app.kernel.db import new_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

# What a window was opened for last is the best that is known of its earlier shifts.
BUSINESSES = """
UPDATE window_shift SET categories = (
    SELECT coalesce(jsonb_agg(category ORDER BY place), '[]') FROM jsonb_array_elements_text(hall_window.categories)
        WITH ORDINALITY AS opened (category, place)
    WHERE hall_window.skills = '{}' OR hall_window.skills ? category
) FROM hall_window WHERE hall_window.id = window_shift.window_id;
"""
# Of a pause that is over only its length was kept: all those of a shift stand as one at its beginning.
PAUSES = """
INSERT INTO window_pause (id, shift_id, began_at, ended_at)
SELECT gen_random_uuid(), id, began_at, began_at + paused_seconds * interval '1 second'
FROM window_shift WHERE paused_seconds > 0;
INSERT INTO window_pause (id, shift_id, began_at)
SELECT gen_random_uuid(), window_shift.id, hall_window.paused_at
FROM window_shift JOIN hall_window ON hall_window.id = window_shift.window_id
WHERE window_shift.ended_at IS NULL AND hall_window.paused_at IS NOT NULL;
"""
PAUSES_BACK = """
UPDATE window_shift SET paused_seconds = (
    SELECT coalesce(sum(floor(extract(epoch FROM ended_at - began_at))), 0) FROM window_pause
    WHERE shift_id = window_shift.id AND ended_at IS NOT NULL
);
"""

class Migration(migrations.Migration):
    dependencies = [('portal', '0009_payments')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Pause',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shift', fields.ForeignKeyField('portal.Shift', source_field='shift_id', db_constraint=True, to_field='id', related_name='pauses', on_delete=OnDelete.CASCADE)),
                ('began_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'window_pause', 'app': 'portal', 'indexes': [Index(fields=['shift_id'])], 'pk_attr': 'id', 'table_description': 'A while in which a shift called nobody.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Shift',
            name='categories',
            field=fields.JSONField(default=list, db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddConstraint(
            model_name='Pause',
            constraint=UniqueConstraint(fields=('shift_id',), name='one_open_pause_per_shift', condition='ended_at IS NULL'),
        ),
        ops.RunSQL(BUSINESSES, ""),
        ops.RunSQL(PAUSES, PAUSES_BACK),
        # On the way back the column needs a default for the rows there are.
        ops.AlterField(
            model_name='Shift',
            name='paused_seconds',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.RemoveField(model_name='Shift', name='paused_seconds'),
    ]
