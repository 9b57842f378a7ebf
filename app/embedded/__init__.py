"""Without this package development and tests would need a PostgreSQL and a Redis installed by hand.

Both come as wheels of the `dev` extra and run as children of this process, on loopback ports of their own and
behind random passwords. They end with it; what a killed process left behind is stopped by the next start.
"""

from app.embedded.postgres import DATABASE, EmbeddedPostgres, start_postgres
from app.embedded.process import EmbeddedUnavailable, free_port
from app.embedded.redis import EmbeddedRedis, start_redis

__all__ = [
    "DATABASE",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedUnavailable",
    "free_port",
    "start_postgres",
    "start_redis",
]
