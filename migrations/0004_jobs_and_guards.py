from tortoise import migrations
from tortoise.migrations import operations as ops

from migrations import _procrastinate

# The audit only grows, whoever holds the connection: 网络安全法 21 asks that it survives.
AUDIT_GUARD = """
CREATE FUNCTION audit_line_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit lines are never changed or removed';
END $$;
CREATE TRIGGER audit_line_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_line
    FOR EACH STATEMENT EXECUTE FUNCTION audit_line_only_grows();
"""

AUDIT_GUARD_BACK = """
DROP TRIGGER audit_line_only_grows ON audit_line;
DROP FUNCTION audit_line_only_grows();
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0003_constraints")]

    initial = False

    operations = [
        ops.RunSQL(_procrastinate.CREATE, _procrastinate.DROP),
        ops.RunSQL(AUDIT_GUARD, AUDIT_GUARD_BACK),
    ]
