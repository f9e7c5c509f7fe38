"""`manage.py migrate`, as Django has it, on a connection that may think for as long as it needs."""

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """A migration is not ended for computing longer than anybody may be idle in a transaction: a slow machine, a table
    of millions. Its patience for locks stays as it is.

    Not behind a pooler: what is set there stays on a connection that somebody else gets next.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if settings.DATABASE_POOLER:
            super().handle(*args, **options)
            return
        _execute(connection, "SET idle_in_transaction_session_timeout = 0")
        try:
            super().handle(*args, **options)
        finally:
            _execute(connection, "RESET idle_in_transaction_session_timeout")


def _execute(connection: Any, statement: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement)
