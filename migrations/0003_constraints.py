from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('portal', '0002_hall')]

    initial = False

    operations = [
        ops.AddConstraint(
            model_name='Bill',
            constraint=CheckConstraint(check='total_fen > 0', name='bill_owes_something'),
        ),
        ops.AddConstraint(
            model_name='Booking',
            constraint=UniqueConstraint(fields=('resident_id', 'item_key', 'day'), name='one_live_booking_per_item_and_day', condition="state IN ('BOOKED', 'CHECKED_IN')"),
        ),
        ops.AddConstraint(
            model_name='BusinessPolicy',
            constraint=CheckConstraint(check='slot_minutes BETWEEN 5 AND 240 AND capacity >= 0 AND days_ahead BETWEEN 0 AND 90', name='business_policy_bounds'),
        ),
        ops.AddConstraint(
            model_name='Case',
            constraint=UniqueConstraint(fields=('resident_id', 'item_key'), name='one_open_case_per_item', condition="state NOT IN ('CLOSED', 'WITHDRAWN')"),
        ),
        ops.AddConstraint(
            model_name='Case',
            constraint=CheckConstraint(check="(delivery_method = 'POST') = (delivery_address_sealed IS NOT NULL)", name='posted_cases_have_an_address'),
        ),
        ops.AddConstraint(
            model_name='PaymentAttempt',
            constraint=UniqueConstraint(fields=('bill_id',), name='one_success_per_bill', condition="state = 'SUCCEEDED'"),
        ),
        ops.AddConstraint(
            model_name='PaymentAttempt',
            constraint=UniqueConstraint(fields=('bill_id',), name='one_live_attempt_per_bill', condition="state IN ('PREPARING', 'OPEN')"),
        ),
        ops.AddConstraint(
            model_name='PaymentAttempt',
            constraint=CheckConstraint(check='amount_fen > 0', name='attempt_pays_something'),
        ),
        ops.AddConstraint(
            model_name='Resident',
            constraint=CheckConstraint(check='level BETWEEN 1 AND 4', name='resident_level'),
        ),
        ops.AddConstraint(
            model_name='ServiceItem',
            constraint=UniqueConstraint(fields=('key',), name='one_version_in_force', condition="state = 'IN_FORCE'"),
        ),
        ops.AddConstraint(
            model_name='ServiceItem',
            constraint=CheckConstraint(check='min_level BETWEEN 1 AND 4', name='service_item_level'),
        ),
        ops.AddConstraint(
            model_name='ServiceItem',
            constraint=CheckConstraint(check='visit_count >= 0', name='service_item_visits'),
        ),
        ops.AddConstraint(
            model_name='Session',
            constraint=CheckConstraint(check='(resident_id IS NULL) <> (staff_id IS NULL)', name='session_has_one_account'),
        ),
        ops.AddConstraint(
            model_name='Slot',
            constraint=CheckConstraint(check='taken BETWEEN 0 AND capacity', name='slot_never_oversold'),
        ),
        ops.AddConstraint(
            model_name='Slot',
            constraint=CheckConstraint(check='ends_at > starts_at', name='slot_has_length'),
        ),
        ops.AddConstraint(
            model_name='Ticket',
            constraint=UniqueConstraint(fields=('window_id',), name='one_ticket_at_a_window', condition="state IN ('CALLED', 'SERVING')"),
        ),
        ops.AddConstraint(
            model_name='Window',
            constraint=UniqueConstraint(fields=('staff_id',), name='one_window_per_staff', condition='staff_id IS NOT NULL'),
        ),
    ]
