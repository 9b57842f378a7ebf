from tortoise import migrations
from tortoise.migrations import operations as ops

# Before it takes a job the queue looks for others of the same lock. Its own index begins with the id: to find a lock it
# reads all of it, once for each job, so that a backlog slows its own end.
BY_LOCK = """
CREATE INDEX jobs_by_lock ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing')
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0015_parcels_that_end")]

    initial = False

    operations = [ops.RunSQL(BY_LOCK, "DROP INDEX jobs_by_lock")]
