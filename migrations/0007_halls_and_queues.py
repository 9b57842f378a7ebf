from migrations._together import AddFields
from tortoise import migrations
from tortoise.migrations import operations as ops
from app.booking.rules import AppealState, BookingState, Channel, Layer, WaitingState
from app.identity.models import DeviceKind
from app.kernel.db import new_id
from app.queueing.rules import TicketChannel, TicketState
from orjson import loads
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import SqlDefault
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

# What bookings were for so far was one item and perhaps its case.
ITEMS = """
INSERT INTO booking_item (id, booking_id, resident_id, item_key, day, case_id, live)
SELECT gen_random_uuid(), id, resident_id, item_key, day, case_id, state IN ('BOOKED', 'CHECKED_IN') FROM booking;
"""

UNTIL = "UPDATE booking b SET until = s.ends_at, slots = ARRAY[s.id] FROM slot s WHERE s.id = b.slot_id"

# Every booking so far came from a phone.
PHONES = "UPDATE slot SET phone_taken = taken"

# The rules of a business were three columns; they become the fields of one document.
RULES = """
UPDATE business_policy SET rules = jsonb_build_object(
    'slot_minutes', slot_minutes, 'windows', 1, 'per_window', capacity, 'days_ahead', days_ahead);
"""

# The index that lets nobody hold two live bookings of one item and day is on the items: they follow their
# booking whatever our code does.
FOLLOW = """
CREATE FUNCTION booking_items_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_item SET live = NEW.state IN ('HELD', 'BOOKED', 'CHECKED_IN'), resident_id = NEW.resident_id,
        day = NEW.day
    WHERE booking_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER booking_items_follow AFTER UPDATE OF state, resident_id, day ON booking
    FOR EACH ROW WHEN ((OLD.state, OLD.resident_id, OLD.day) IS DISTINCT FROM (NEW.state, NEW.resident_id, NEW.day))
    EXECUTE FUNCTION booking_items_follow();
"""

FOLLOW_BACK = """
DROP TRIGGER booking_items_follow ON booking;
DROP FUNCTION booking_items_follow();
"""

class Migration(migrations.Migration):
    dependencies = [('portal', '0006_audit_chain')]

    initial = False

    operations = [
        ops.CreateModel(
            name='BookingItem',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('booking', fields.ForeignKeyField('portal.Booking', source_field='booking_id', db_constraint=True, to_field='id', related_name='items', on_delete=OnDelete.RESTRICT)),
                ('resident_id', fields.UUIDField()),
                ('item_key', fields.CharField(max_length=60)),
                ('day', fields.DateField()),
                ('case', fields.ForeignKeyField('portal.Case', source_field='case_id', null=True, db_constraint=True, to_field='id', related_name='booking_items', on_delete=OnDelete.RESTRICT)),
                ('live', fields.BooleanField(default=True)),
            ],
            options={'table': 'booking_item', 'app': 'portal', 'indexes': [Index(fields=['booking_id']), Index(fields=['case_id'])], 'pk_attr': 'id', 'table_description': 'One thing a visit is for. A trigger keeps `live` and `resident` equal to what the booking says.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CreditAppeal',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('booking', fields.ForeignKeyField('portal.Booking', source_field='booking_id', db_constraint=True, to_field='id', related_name='appeals', on_delete=OnDelete.RESTRICT)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='credit_appeals', on_delete=OnDelete.RESTRICT)),
                ('grounds_sealed', fields.TextField(unique=False)),
                ('state', fields.CharEnumField(description='OPEN: OPEN\nGRANTED: GRANTED\nREFUSED: REFUSED', enum_type=AppealState, max_length=20)),
                ('made_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('answer', fields.CharField(default='', max_length=200)),
                ('decided_by', fields.ForeignKeyField('portal.Staff', source_field='decided_by_id', null=True, db_constraint=True, to_field='id', related_name='credit_appeals', on_delete=OnDelete.CASCADE)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'credit_appeal', 'app': 'portal', 'unique_together': (('booking',),), 'pk_attr': 'id', 'table_description': 'A resident says why a missed or late-cancelled visit should not count.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CreditExemption',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='credit_exemptions', on_delete=OnDelete.RESTRICT)),
                ('ground', fields.CharField(max_length=20)),
                ('granted_by', fields.ForeignKeyField('portal.Staff', source_field='granted_by_id', db_constraint=True, to_field='id', related_name='exemptions', on_delete=OnDelete.CASCADE)),
                ('granted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('valid_until', fields.DateField(null=True)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'credit_exemption', 'app': 'portal', 'indexes': [Index(fields=['resident_id'])], 'pk_attr': 'id', 'table_description': 'Somebody whose missed visits do not count, because a window saw why (for example a disability certificate).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Device',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='SCANNER: SCANNER\nKIOSK: KIOSK\nSCREEN: SCREEN', enum_type=DeviceKind, max_length=20)),
                ('service_point', fields.CharField(max_length=60)),
                ('name', fields.CharField(max_length=60)),
                ('token_hash', fields.CharField(max_length=64)),
                ('registered_by', fields.ForeignKeyField('portal.Staff', source_field='registered_by_id', db_constraint=True, to_field='id', related_name='devices', on_delete=OnDelete.RESTRICT)),
                ('registered_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('seen_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'device', 'app': 'portal', 'indexes': [Index(fields=['service_point'])], 'pk_attr': 'id', 'table_description': 'A machine of a hall with an account of its own: it may do what its kind needs, at one service point.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OpeningException',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='opening_exceptions', on_delete=OnDelete.CASCADE)),
                ('category', fields.CharField(default='', max_length=2)),
                ('day', fields.DateField()),
                ('periods', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('reason', fields.CharField(max_length=200)),
                ('set_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'opening_exception', 'app': 'portal', 'unique_together': (('service_point', 'category', 'day'),), 'pk_attr': 'id', 'table_description': 'One day on which a service point keeps other hours than usual, or none.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Scan',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('device_id', fields.UUIDField()),
                ('nonce', fields.CharField(max_length=64)),
                ('booking_id', fields.UUIDField(null=True)),
                ('code_hash', fields.CharField(max_length=64)),
                ('scanned_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('skew_seconds', fields.IntField(default=0)),
                ('received_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('outcome', fields.CharField(max_length=40)),
            ],
            options={'table': 'check_in_scan', 'app': 'portal', 'unique_together': (('device_id', 'nonce'),), 'indexes': [Index(fields=['booking_id'])], 'pk_attr': 'id', 'table_description': "A check-in code that a scanner at the hall's door read, perhaps while it had no network."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ServiceTime',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point_id', fields.CharField(max_length=60)),
                ('category', fields.CharField(max_length=2)),
                ('hour', fields.SmallIntField()),
                ('samples', fields.IntField()),
                ('p20', fields.IntField()),
                ('p50', fields.IntField()),
                ('p80', fields.IntField()),
            ],
            options={'table': 'service_time', 'app': 'portal', 'unique_together': (('service_point_id', 'category', 'hour'),), 'pk_attr': 'id', 'table_description': 'How long visits of a business took in one hour of the day, over the last weeks; in seconds.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SessionClosure',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service_point', fields.ForeignKeyField('portal.ServicePoint', source_field='service_point_id', db_constraint=True, to_field='key', related_name='closures', on_delete=OnDelete.CASCADE)),
                ('category', fields.CharField(default='', max_length=2)),
                ('closes_from', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closes_until', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('reason', fields.CharField(max_length=200)),
                ('asked_by', fields.ForeignKeyField('portal.Staff', source_field='asked_by_id', db_constraint=True, to_field='id', related_name='closures', on_delete=OnDelete.CASCADE)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('bookings', fields.IntField(default=0)),
                ('moved', fields.IntField(default=0)),
                ('offered', fields.IntField(default=0)),
                ('cancelled', fields.IntField(default=0)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'session_closure', 'app': 'portal', 'pk_attr': 'id', 'table_description': 'The hall closes a stretch of time: everybody in it is moved or offered another place, one after another.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Shift',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('window', fields.ForeignKeyField('portal.Window', source_field='window_id', db_constraint=True, to_field='id', related_name='shifts', on_delete=OnDelete.CASCADE)),
                ('staff', fields.ForeignKeyField('portal.Staff', source_field='staff_id', db_constraint=True, to_field='id', related_name='shifts', on_delete=OnDelete.CASCADE)),
                ('began_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('paused_seconds', fields.IntField(default=0)),
            ],
            options={'table': 'window_shift', 'app': 'portal', 'indexes': [Index(fields=['began_at'])], 'pk_attr': 'id', 'table_description': 'One sitting of a member of staff at a window, for the figures of how windows are used.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WaitingEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('portal.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='waiting_entries', on_delete=OnDelete.RESTRICT)),
                ('category', fields.CharField(max_length=2)),
                ('item_key', fields.CharField(max_length=60)),
                ('items', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('party', fields.SmallIntField()),
                ('service_points', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('days_from', fields.DateField()),
                ('days_until', fields.DateField()),
                ('time_from', fields.CharField(default='00:00', max_length=5)),
                ('time_until', fields.CharField(default='23:59', max_length=5)),
                ('state', fields.CharEnumField(description='WAITING: WAITING\nOFFERED: OFFERED\nSERVED: SERVED\nLEFT: LEFT\nOVER: OVER', enum_type=WaitingState, max_length=20)),
                ('offers', fields.SmallIntField(default=0)),
                ('joined_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'waiting_entry', 'app': 'portal', 'indexes': [Index(fields=['category', 'state', 'joined_at'])], 'pk_attr': 'id', 'table_description': 'Somebody who wants a place where there is none; the next in line is offered what is freed.'},
            bases=['Model'],
        ),
        ops.RemoveConstraint(
            model_name='Booking',
            name='one_live_booking_per_item_and_day',
            fields=None,
        ),
        ops.AlterModelOptions(
            name='Booking',
            options={'table': 'booking', 'app': 'portal', 'constraints': [CheckConstraint(check='party > 0', name='booking_is_for_somebody')], 'indexes': [Index(fields=['slot_id', 'state']), Index(fields=['resident_id', 'booked_at']), Index(fields=['state', 'held_until'])], 'pk_attr': 'id', 'table_description': "A resident's places in a slot, or in several slots in a row, for one visit."},
        ),
        ops.AlterField(
            model_name='Booking',
            name='state',
            field=fields.CharEnumField(description='HELD: HELD\nBOOKED: BOOKED\nCHECKED_IN: CHECKED_IN\nSERVED: SERVED\nCANCELLED: CANCELLED\nHALL_CANCELLED: HALL_CANCELLED\nNO_SHOW: NO_SHOW\nEXPIRED: EXPIRED', enum_type=BookingState, max_length=20),
        ),
        AddFields(
            ops.AddField(
                model_name='Booking',
                name='channel',
                field=fields.CharEnumField(default=Channel.PHONE, description='PHONE: PHONE\nDESK: DESK', db_default=Channel.PHONE, enum_type=Channel, max_length=20),
            ),
            ops.AddField(
                model_name='Booking',
                name='excuse',
                field=fields.CharField(default='', db_default='', max_length=200),
            ),
            ops.AddField(
                model_name='Booking',
                name='excused_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Booking',
                name='held_until',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Booking',
                name='home_sealed',
                field=fields.TextField(null=True, unique=False),
            ),
            ops.AddField(
                model_name='Booking',
                name='instead_of_id',
                field=fields.UUIDField(null=True),
            ),
            ops.AddField(
                model_name='Booking',
                name='late',
                field=fields.BooleanField(default=False, db_default=False),
            ),
            ops.AddField(
                model_name='Booking',
                name='moves',
                field=fields.SmallIntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='Booking',
                name='offered_to',
                field=fields.ForeignKeyField('portal.WaitingEntry', source_field='offered_to_id', null=True, db_constraint=True, to_field='id', related_name='bookings', on_delete=OnDelete.SET_NULL),
            ),
            ops.AddField(
                model_name='Booking',
                name='party',
                field=fields.SmallIntField(default=1, db_default=1),
            ),
            ops.AddField(
                model_name='Booking',
                name='reminded',
                field=fields.SmallIntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='Booking',
                name='until',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Booking',
                name='slots',
                field=ArrayField(default=list, db_default=SqlDefault("'{}'::uuid[]"), element_type='uuid'),
            ),
        ),
        ops.RunSQL(UNTIL, ''),
        ops.AlterField(
            model_name='Booking',
            name='until',
            field=fields.DatetimeField(auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(ITEMS, ''),
        ops.RemoveField(model_name='Booking', name='case'),
        ops.AddIndex(
            model_name='Booking',
            index=Index(fields=['state', 'held_until']),
        ),
        ops.AddConstraint(
            model_name='Booking',
            constraint=CheckConstraint(check='party > 0', name='booking_is_for_somebody'),
        ),
        ops.RemoveConstraint(
            model_name='BusinessPolicy',
            name='business_policy_bounds',
            fields=None,
        ),
        ops.AlterModelOptions(
            name='BusinessPolicy',
            options={'table': 'business_policy', 'app': 'portal', 'unique_together': (('service_point', 'category'),), 'pk_attr': 'id', 'table_description': 'The rules of one business (queue category) of a service point, where they differ from the defaults.'},
        ),
        AddFields(
            ops.AddField(
                model_name='BusinessPolicy',
                name='changed_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='BusinessPolicy',
                name='rules',
                field=fields.JSONField(default=dict, db_default={}, encoder=JSON_DUMPS, decoder=loads),
            ),
        ),
        ops.RunSQL(RULES, ''),
        ops.AddField(
            model_name='BusinessPolicy',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.RemoveField(model_name='BusinessPolicy', name='capacity'),
        ops.RemoveField(model_name='BusinessPolicy', name='days_ahead'),
        ops.RemoveField(model_name='BusinessPolicy', name='slot_minutes'),
        ops.AlterModelOptions(
            name='ExtraSession',
            options={'table': 'extra_session', 'app': 'portal', 'pk_attr': 'id', 'table_description': "Hours opened by the hall beyond the ordinary ones (延时服务), or visits to people's homes (上门服务)."},
        ),
        AddFields(
            ops.AddField(
                model_name='ExtraSession',
                name='layer',
                field=fields.CharEnumField(default=Layer.EXTRA, description='ORDINARY: ORDINARY\nEXTRA: EXTRA\nHOME_VISIT: HOME_VISIT', db_default=Layer.EXTRA, enum_type=Layer, max_length=20),
            ),
            ops.AddField(
                model_name='ServicePoint',
                name='latitude',
                field=fields.FloatField(null=True),
            ),
            ops.AddField(
                model_name='ServicePoint',
                name='longitude',
                field=fields.FloatField(null=True),
            ),
        ),
        ops.RemoveConstraint(
            model_name='Slot',
            name=None,
            fields=['service_point', 'category', 'starts_at'],
        ),
        AddFields(
            ops.AddField(
                model_name='Slot',
                name='closed_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Slot',
                name='layer',
                field=fields.CharEnumField(default=Layer.ORDINARY, description='ORDINARY: ORDINARY\nEXTRA: EXTRA\nHOME_VISIT: HOME_VISIT', db_default=Layer.ORDINARY, enum_type=Layer, max_length=20),
            ),
            ops.AddField(
                model_name='Slot',
                name='opens_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Slot',
                name='phone_capacity',
                field=fields.SmallIntField(default=32767, db_default=32767),
            ),
            ops.AddField(
                model_name='Slot',
                name='phone_taken',
                field=fields.SmallIntField(default=0, db_default=0),
            ),
        ),
        ops.RunSQL(PHONES, ''),
        ops.AddField(
            model_name='Slot',
            name='reserved',
            field=fields.SmallIntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='Slot',
            constraint=UniqueConstraint(fields=('service_point', 'category', 'layer', 'starts_at'), name=None),
        ),
        ops.AddConstraint(
            model_name='Slot',
            constraint=CheckConstraint(check='phone_taken BETWEEN 0 AND phone_capacity', name='slot_phones_keep_to_their_share'),
        ),
        ops.AddConstraint(
            model_name='Slot',
            constraint=CheckConstraint(check='reserved BETWEEN 0 AND taken', name='slot_reserves_what_is_taken'),
        ),
        ops.AlterField(
            model_name='Ticket',
            name='booking',
            field=fields.OneToOneField('portal.Booking', source_field='booking_id', null=True, db_constraint=True, to_field='id', related_name='ticket', on_delete=OnDelete.CASCADE),
        ),
        ops.AlterField(
            model_name='Ticket',
            name='resident',
            field=fields.ForeignKeyField('portal.Resident', source_field='resident_id', null=True, db_constraint=True, to_field='id', related_name='tickets', on_delete=OnDelete.CASCADE),
        ),
        ops.AlterField(
            model_name='Ticket',
            name='slot_starts_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AlterField(
            model_name='Ticket',
            name='state',
            field=fields.CharEnumField(description='WAITING: WAITING\nCALLED: CALLED\nSERVING: SERVING\nHUNG: HUNG\nDONE: DONE\nPASSED: PASSED\nABANDONED: ABANDONED', enum_type=TicketState, max_length=20),
        ),
        AddFields(
            ops.AddField(
                model_name='Ticket',
                name='behind_call',
                field=fields.IntField(null=True),
            ),
            ops.AddField(
                model_name='Ticket',
                name='channel',
                field=fields.CharEnumField(default=TicketChannel.PHONE, description='PHONE: PHONE\nKIOSK: KIOSK\nDESK: DESK', db_default='PHONE', enum_type=TicketChannel, max_length=20),
            ),
            ops.AddField(
                model_name='Ticket',
                name='green',
                field=fields.BooleanField(default=False, db_default=False),
            ),
            ops.AddField(
                model_name='Ticket',
                name='holder',
                field=fields.CharField(default='', db_default='', max_length=20),
            ),
            ops.AddField(
                model_name='Ticket',
                name='hung_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Ticket',
                name='near_told_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Ticket',
                name='queued_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Ticket',
                name='rejoins',
                field=fields.SmallIntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='Ticket',
                name='transferred_from',
                field=fields.CharField(default='', db_default='', max_length=8),
            ),
            ops.AddField(
                model_name='TicketCounter',
                name='booked_in_a_row',
                field=fields.IntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='TicketCounter',
                name='called',
                field=fields.IntField(default=0, db_default=0),
            ),
            ops.AddField(
                model_name='Window',
                name='pause_reason',
                field=fields.CharField(default='', db_default='', max_length=60),
            ),
            ops.AddField(
                model_name='Window',
                name='paused_at',
                field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
            ),
            ops.AddField(
                model_name='Window',
                name='skills',
                field=fields.JSONField(default=dict, db_default={}, encoder=JSON_DUMPS, decoder=loads),
            ),
        ),
        ops.AddConstraint(
            model_name='BookingItem',
            constraint=UniqueConstraint(fields=('resident_id', 'item_key', 'day'), name='one_live_booking_per_item_and_day', condition='live'),
        ),
        ops.AddConstraint(
            model_name='Shift',
            constraint=UniqueConstraint(fields=('window_id',), name='one_open_shift_per_window', condition='ended_at IS NULL'),
        ),
        ops.AddConstraint(
            model_name='Ticket',
            constraint=UniqueConstraint(fields=('resident_id', 'service_point_id', 'day', 'category'), name='one_open_walk_in_number', condition="booking_id IS NULL AND state IN ('WAITING', 'CALLED', 'SERVING', 'HUNG')"),
        ),
        ops.AddConstraint(
            model_name='WaitingEntry',
            constraint=UniqueConstraint(fields=('resident_id', 'item_key'), name='one_place_in_line_per_item', condition="state IN ('WAITING', 'OFFERED')"),
        ),
        ops.RunSQL(FOLLOW, FOLLOW_BACK),
    ]
