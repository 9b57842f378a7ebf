from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

# What was linked and anchored stays, like the lines themselves (0004).
CHAIN_GUARD = """
CREATE FUNCTION audit_chain_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit chain is never changed or removed';
END $$;
CREATE TRIGGER audit_link_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_only_grows();
CREATE TRIGGER audit_anchor_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_only_grows();
"""

CHAIN_GUARD_BACK = """
DROP TRIGGER audit_anchor_only_grows ON audit_anchor;
DROP TRIGGER audit_link_only_grows ON audit_link;
DROP FUNCTION audit_chain_only_grows();
"""

class Migration(migrations.Migration):
    dependencies = [('portal', '0005_identity')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuditAnchor',
            fields=[
                ('day', fields.DateField(primary_key=True, unique=True, db_index=True)),
                ('position', fields.BigIntField()),
                ('lines', fields.BigIntField()),
                ('hash', fields.CharField(max_length=64)),
                ('mac', fields.CharField(max_length=200)),
            ],
            options={'table': 'audit_anchor', 'app': 'portal', 'pk_attr': 'day', 'table_description': 'How far the chain went when a day ended; the hash of its last link stands for every line before.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='AuditLink',
            fields=[
                ('position', fields.BigIntField(primary_key=True, unique=True, db_index=True, generated=False)),
                ('line_id', fields.BigIntField(unique=True)),
                ('hash', fields.CharField(max_length=64)),
            ],
            options={'table': 'audit_link', 'app': 'portal', 'pk_attr': 'position', 'table_description': "One line's place in the chain. No foreign key: the chain has to outlive what it accuses."},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='AuditLine',
            name='mac',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.RunSQL(CHAIN_GUARD, CHAIN_GUARD_BACK),
    ]
