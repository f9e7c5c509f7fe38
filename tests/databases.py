"""What pytest and Django do with databases, done faster.

A test process begins with a copy of a migrated database. What a test of real transactions leaves behind is deleted,
from the tables that hold something: Django's own way empties all of them, and fills its permissions again.
"""

import os
import shutil
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

from tests.lock_order import WATCH
from tests.services.migrated import TEMPLATE_VARIABLE, copy_database, migrated_file

STATEMENTS: Final = 1000
"""A process of tests sends more different statements to SQLite than the 128 that the driver keeps."""
_FILLED_BY_MIGRATE: Final = frozenset({"django_content_type", "auth_permission"})


def begin_migrated(database: dict[str, Any]) -> bool:
    """Put a migrated database where Django is about to make one; whether there is one now."""
    if "DATABASE_URL" not in os.environ:
        shutil.copyfile(migrated_file(), database["TEST"]["NAME"])
        _wait_for_no_disk(database["OPTIONS"])
        database["OPTIONS"]["cached_statements"] = STATEMENTS
        return True
    source = os.environ.get(TEMPLATE_VARIABLE)
    if source is None:
        return False
    name = database["TEST"]["NAME"] or f"test_{database['NAME']}"
    copy_database(os.environ["DATABASE_URL"], source=source, name=name)
    return True


def _wait_for_no_disk(options: dict[str, Any]) -> None:
    """A commit of this process outlives no power cut. The gateways under test keep to the settings of the product."""
    full, off = "synchronous=FULL", "synchronous=OFF"
    if full not in options["init_command"]:
        raise RuntimeError(f"no {full} in {options['init_command']}")
    options["init_command"] = options["init_command"].replace(full, off)


def empty_after_each_test() -> None:
    """From now on: a test of real transactions is followed by `empty`, and not by Django's flush."""

    def empty_all(case: TransactionTestCase) -> None:
        for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
            empty(connections[alias])

    TransactionTestCase._fixture_teardown = empty_all  # type: ignore[attr-defined]


def empty(connection: BaseDatabaseWrapper) -> None:
    """Delete all rows, in any order: nobody else writes. Foreign keys are looked at when it commits."""
    with WATCH.apart(), transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(_which_are_full())
        for (table,) in cursor.fetchall():
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a table of ours


@cache
def _which_are_full() -> str:
    """One query for the names of the tables that hold a row."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed}
    asked = "SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")"
    return " UNION ALL ".join(asked.format(table=table) for table in sorted(tables - _FILLED_BY_MIGRATE))
