"""How connections to PostgreSQL end when they must, and come again when they can.

psycopg's pool doubles its pauses up to minutes after a failed connection, and whoever waits in it is told nothing: a
restart of the database cost seconds after it had ended.
"""

from collections.abc import Mapping
from typing import Any, Final

from psycopg_pool import ConnectionPool

_PACE_SECONDS: Final = 0.2


def _try_on(pool: ConnectionPool[Any]) -> None:
    """Begin to connect again: somebody may wait, and after one failed attempt the pool would leave it."""
    pool.check()


# A pool gives an attempt up after this time, and then begins anew: one attempt at a time, at a steady pace.
COMING_BACK: Final[Mapping[str, Any]] = {"reconnect_timeout": _PACE_SECONDS, "reconnect_failed": _try_on}

# A host that is gone says nothing: without these a statement waits a quarter of an hour for its answer.
REACHING: Final[Mapping[str, Any]] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

# Whoever was paused inside a transaction lets go of its locks, and nobody waits for a lock for ever. A pooler refuses
# options at the start of a connection: there the role has them.
BOUNDS: Final[Mapping[str, Any]] = {
    "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=10s",
}
