"""`among`: whether a key is one of many, as one parameter.

`in` sends a parameter for each key, which the field, the driver and the parser handle one by one: a millisecond for a
hundred keys, several times a batch, and SQLite bounds how many there may be. The keys may be a place, whose values come
when the statement is sent.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler

from sessions_app.models.statements import Place


class Among(Lookup):
    """`column__among=keys`: UUIDs or whole numbers, by key for a relation."""

    lookup_name = "among"

    def get_prep_lookup(self) -> "list[str] | Place":
        """The keys as text, or their place.

        :raises TypeError: one is neither a UUID nor a whole number
        """
        keys: Iterable[Any] | Place = self.rhs
        return keys if isinstance(keys, Place) else [_text(key) for key in keys]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The condition, with its one parameter."""
        column, params = self.process_lhs(compiler, connection)
        field: Any = self.lhs.output_field
        source = field.target_field if field.is_relation else field
        keys: Any = self.rhs
        if connection.vendor == "postgresql":
            keys = keys if isinstance(keys, Place) else "{" + ",".join(keys) + "}"
            return f"{column} = ANY(%s::{source.db_type(connection)}[])", (*params, keys)
        quote = '"' if isinstance(source, models.UUIDField) else ""
        keys = keys if isinstance(keys, Place) else f"[{','.join(f'{quote}{key}{quote}' for key in keys)}]"
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, keys)  # noqa: S608 - a column's name


def _text(key: Any) -> str:
    if isinstance(key, UUID):
        return key.hex
    if isinstance(key, int):
        return str(key)
    raise TypeError(f"{key!r} is no key")


for _field in (models.UUIDField, models.BigIntegerField, models.PositiveIntegerField, models.ForeignKey):
    _field.register_lookup(Among)
