"""Rows of values that a statement is to be joined with, sent as one parameter a column: each is looked up by an index,
where a condition on every column apart would read the whole history of an account and filter it."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

Value = UUID | int


def listed(columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> tuple[str, list[Any]]:
    """A FROM item called `listed` with these columns, and its parameters. All rows are of the same types, and there is
    at least one."""
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{'uuid' if isinstance(value, UUID) else 'bigint'}[]" for value in rows[0])
        return f"unnest({arrays}) AS listed ({', '.join(columns)})", [_array(row) for row in zip(*rows, strict=True)]
    kept = json.dumps([[value.hex if isinstance(value, UUID) else value for value in row] for row in rows])
    parts = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
    return f"(SELECT {parts} FROM json_each(%s)) AS listed", [kept]  # noqa: S608 - names of columns


def read_each(source: str, table: str, columns: Sequence[str], on: str) -> str:
    """A SELECT of these columns of a table's rows, called `found`, that match a row of `source` by the condition `on`.

    On PostgreSQL each row is looked up by itself (OFFSET 0 keeps it so): a plan that was made while the table was empty
    may else go through all of it, once for every row that is listed.
    """
    names = ", ".join(f"found.{name}" for name in columns)
    if connection.vendor == "postgresql":
        one = f"SELECT * FROM {table} found WHERE {on} OFFSET 0"  # noqa: S608 - names of the models
        return f"SELECT {names} FROM {source} CROSS JOIN LATERAL ({one}) AS found"  # noqa: S608
    return f"SELECT {names} FROM {source} JOIN {table} found ON {on}"  # noqa: S608


def _array(values: Sequence[Value]) -> str:
    """As a text: of a list the driver would tell the type by its values, and each type is a statement of its own."""
    return "{" + ",".join([value.hex if isinstance(value, UUID) else str(value) for value in values]) + "}"


def as_uuid(value: UUID | str) -> UUID:
    """A UUID as a statement of our own reads it: SQLite keeps its digits as a text."""
    return value if isinstance(value, UUID) else UUID(value)
