"""What a connection to PostgreSQL is allowed while it migrates, and nobody else is."""

from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


def let_migrations_think() -> None:
    """Keep the database from ending a migration that computes for longer than anybody may be idle in a transaction:
    a slow machine, or a table of millions. Its patience for locks stays as it is."""
    pre_migrate.connect(_lift, dispatch_uid="lift_idle_bound")
    post_migrate.connect(_set_again, dispatch_uid="set_idle_bound_again")


def _lift(*, using: str, **_: Any) -> None:
    _execute(using, "SET idle_in_transaction_session_timeout = 0")


def _set_again(*, using: str, **_: Any) -> None:
    _execute(using, "RESET idle_in_transaction_session_timeout")


def _execute(using: str, statement: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement)
