"""Moments from PostgreSQL, read by the driver's own C code: Django's loader, in Python, costs ten times as much, and a
batch reads thousands of them. Connections are in UTC, so both read the same.
"""

from typing import Any

from django.db.backends.signals import connection_created


def read_quickly(connection: Any, **_: object) -> None:
    """Let a new connection read `timestamptz` as the driver does by itself."""
    if connection.vendor != "postgresql":
        return
    import psycopg  # noqa: PLC0415 - only where there is a PostgreSQL is its driver installed

    known = psycopg.adapters
    kind = known.types["timestamptz"].oid
    loader = known.get_loader(kind, psycopg.pq.Format.TEXT)
    if loader is not None:
        connection.connection.adapters.register_loader(kind, loader)


def listen() -> None:
    """From now on."""
    connection_created.connect(read_quickly, dispatch_uid="moments")
