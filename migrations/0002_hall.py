from tortoise import migrations
from tortoise.migrations import operations as ops
from app.booking.rules import BookingState
from app.kernel.db import new_id
from app.queueing.rules import TicketState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('portal', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ServicePoint',
            fields=[
                ('key', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=60)),
                ('name_zh', fields.CharField(max_length=120)),
                ('name_en', fields.CharField(max_length=200)),
                ('kind', fields.CharField(max_length=20)),
                ('division_code', fields.CharField(max_length=12)),
                ('address_zh', fields.CharField(max_length=200)),
                ('windows', fields.SmallIntField()),
                ('queue_categories', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('opening_hours', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'service_point', 'app': 'portal', 'pk_attr': 'key', 'table_description': 'A hall or a station, with its windows, the businesses it serves and its ordinary opening hours.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='BusinessPolicy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='policies', on_delete=OnDelete.CASCADE)),
                ('category', fields.CharField(max_length=2)),
                ('slot_minutes', fields.SmallIntField()),
                ('capacity', fields.SmallIntField()),
                ('days_ahead', fields.SmallIntField()),
            ],
            options={'table': 'business_policy', 'app': 'portal', 'unique_together': (('service_point', 'category'),), 'pk_attr': 'id', 'table_description': 'How one business (queue category) of a service point is booked, where it differs from the defaults.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Slot',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='slots', on_delete=OnDelete.CASCADE)),
                ('category', fields.CharField(max_length=2)),
                ('day', fields.DateField()),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ends_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('capacity', fields.SmallIntField()),
                ('taken', fields.SmallIntField(default=0)),
            ],
            options={'table': 'slot', 'app': 'portal', 'unique_together': (('service_point', 'category', 'starts_at'),), 'indexes': [Index(fields=['category', 'day', 'starts_at'])], 'pk_attr': 'id', 'table_description': 'A stretch of time at a service point with a number of places for one business.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Booking',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='bookings', on_delete=OnDelete.RESTRICT)),
                ('slot', fields.ForeignKeyField('portal.Slot', source_field='slot_id', db_constraint=True, to_field='id', related_name='bookings', on_delete=OnDelete.RESTRICT)),
                ('case', fields.ForeignKeyField('portal.Case', source_field='case_id', null=True, db_constraint=True, to_field='id', related_name='bookings', on_delete=OnDelete.RESTRICT)),
                ('item_key', fields.CharField(max_length=60)),
                ('day', fields.DateField()),
                ('state', fields.CharEnumField(description='BOOKED: BOOKED\nCHECKED_IN: CHECKED_IN\nSERVED: SERVED\nCANCELLED: CANCELLED\nHALL_CANCELLED: HALL_CANCELLED\nNO_SHOW: NO_SHOW', enum_type=BookingState, max_length=20)),
                ('booked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'booking', 'app': 'portal', 'indexes': [Index(fields=['slot_id', 'state']), Index(fields=['resident_id', 'booked_at'])], 'pk_attr': 'id', 'table_description': "A resident's place in a slot."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Staff',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('login', fields.CharField(unique=True, max_length=60)),
                ('password_hash', fields.CharField(max_length=200)),
                ('title', fields.CharField(max_length=60)),
                ('roles', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('active', fields.BooleanField(default=True)),
                ('failures', fields.SmallIntField(default=0)),
                ('locked_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'staff', 'app': 'portal', 'pk_attr': 'id', 'table_description': "A member of the hall's staff: own store, own sign-in."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ExtraSession',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='extra_sessions', on_delete=OnDelete.CASCADE)),
                ('category', fields.CharField(max_length=2)),
                ('opens_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closes_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('capacity', fields.SmallIntField()),
                ('opened_by', fields.ForeignKeyField('portal.Staff', source_field='opened_by_id', db_constraint=True, to_field='id', related_name='extra_sessions', on_delete=OnDelete.CASCADE)),
                ('opened_on', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'extra_session', 'app': 'portal', 'pk_attr': 'id', 'table_description': 'Hours opened by the hall beyond the ordinary ones (延时服务).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', null=True, db_constraint=True, to_field='id', related_name='sessions', on_delete=OnDelete.CASCADE)),
                ('staff', fields.ForeignKeyField('portal.Staff', source_field='staff_id', null=True, db_constraint=True, to_field='id', related_name='sessions', on_delete=OnDelete.CASCADE)),
                ('channel', fields.CharField(max_length=30)),
                ('device', fields.CharField(max_length=80)),
                ('refresh_hash', fields.CharField(max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('refreshed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_because', fields.CharField(null=True, max_length=40)),
            ],
            options={'table': 'session', 'app': 'portal', 'pk_attr': 'id', 'table_description': 'A signed-in device of a resident or of a member of staff; exactly one of the two.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketCounter',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('service_point_id', fields.CharField(max_length=60)),
                ('day', fields.DateField()),
                ('category', fields.CharField(max_length=2)),
                ('given_out', fields.IntField()),
            ],
            options={'table': 'ticket_counter', 'app': 'portal', 'unique_together': (('service_point_id', 'day', 'category'),), 'pk_attr': 'id', 'table_description': 'The last number given out for a business of a service point on a day.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Window',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='window_rows', on_delete=OnDelete.CASCADE)),
                ('number', fields.SmallIntField()),
                ('categories', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('staff', fields.ForeignKeyField('portal.Staff', source_field='staff_id', null=True, db_constraint=True, to_field='id', related_name='windows', on_delete=OnDelete.CASCADE)),
                ('opened_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'hall_window', 'app': 'portal', 'unique_together': (('service_point', 'number'),), 'pk_attr': 'id', 'table_description': 'A counter of a service point; open while a member of staff sits at it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Ticket',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='tickets', on_delete=OnDelete.CASCADE)),
                ('day', fields.DateField()),
                ('category', fields.CharField(max_length=2)),
                ('code', fields.CharField(max_length=8)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='tickets', on_delete=OnDelete.CASCADE)),
                ('booking', fields.OneToOneField('portal.Booking', source_field='booking_id', db_constraint=True, to_field='id', related_name='ticket', on_delete=OnDelete.CASCADE)),
                ('slot_starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('state', fields.CharEnumField(description='WAITING: WAITING\nCALLED: CALLED\nSERVING: SERVING\nDONE: DONE\nPASSED: PASSED\nABANDONED: ABANDONED', enum_type=TicketState, max_length=20)),
                ('window', fields.ForeignKeyField('portal.Window', source_field='window_id', null=True, db_constraint=True, to_field='id', related_name='tickets', on_delete=OnDelete.CASCADE)),
                ('taken_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('called_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('calls', fields.SmallIntField(default=0)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'ticket', 'app': 'portal', 'unique_together': (('service_point', 'day', 'code'),), 'indexes': [Index(fields=['service_point_id', 'day', 'state', 'category'])], 'pk_attr': 'id', 'table_description': "A number in today's queue of one business at one service point."},
            bases=['Model'],
        ),
    ]
