"""Rows that name one which is not there. Tables of the hot path have no foreign keys of the database's (see ADR 82):
what these would have refused is looked for after every test that uses the database."""

from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db import connection, models


def loose_keys() -> Iterator["models.ForeignKey[models.Model, models.Model]"]:
    """Every reference that the database does not check."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and not getattr(field, "db_constraint", True):
                yield field


def orphans() -> dict[str, int]:
    """How many rows of each such reference name nobody; only those where it is more than none."""
    with connection.cursor() as cursor:
        cursor.execute(_statement())
        return {name: count for name, count in cursor.fetchall() if count}


@cache
def _statement() -> str:
    quote = connection.ops.quote_name
    counts = []
    for field in loose_keys():
        table, column = quote(field.model._meta.db_table), quote(field.column)
        other = field.target_field
        there = f"SELECT 1 FROM {quote(other.model._meta.db_table)} o WHERE o.{quote(str(other.column))} = t.{column}"  # noqa: S608 - names of the models
        lost = f"t.{column} IS NOT NULL AND NOT EXISTS ({there})"
        counts.append(f"SELECT '{field.model.__name__}.{field.name}', count(*) FROM {table} t WHERE {lost}")  # noqa: S608
    return " UNION ALL ".join(counts)
