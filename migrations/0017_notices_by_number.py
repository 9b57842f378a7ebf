from tortoise import fields, migrations
from tortoise.migrations import operations as ops

# Only what names a number is in it, and that is what is looked for: a parcel's tellings among those of years.
BY_NUMBER = """
CREATE INDEX inbox_notice_number ON inbox_notice ((content->>'number')) WHERE content->>'number' IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0016_jobs_by_lock")]

    initial = False

    operations = [
        ops.AddField(model_name="Parcel", name="settled_on", field=fields.DateField(null=True)),
        ops.RunSQL(BY_NUMBER, "DROP INDEX inbox_notice_number;"),
    ]
