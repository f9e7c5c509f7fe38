"""`among`: whether a key is one of many, as one parameter.

`in` sends a parameter for each key, which the field, the driver and the parser handle one by one: a millisecond for a
hundred keys, several times a batch, and SQLite bounds how many there may be.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup):
    """`column__among=keys`: UUIDs or whole numbers, by key for a relation."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[str]:
        """The keys as text.

        :raises TypeError: one is neither a UUID nor a whole number
        """
        return [_text(key) for key in self._keys()]

    def _keys(self) -> Iterable[Any]:
        keys: Iterable[Any] = self.rhs
        return keys

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The condition, with its one parameter."""
        column, params = self.process_lhs(compiler, connection)
        field: Any = self.lhs.output_field
        source = field.target_field if field.is_relation else field
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s::{source.db_type(connection)}[])", (*params, "{" + ",".join(self.rhs) + "}")
        quote = '"' if isinstance(source, models.UUIDField) else ""
        keys = ",".join(f"{quote}{key}{quote}" for key in self.rhs)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, f"[{keys}]")  # noqa: S608 - a column's name


def _text(key: Any) -> str:
    if isinstance(key, UUID):
        return key.hex
    if isinstance(key, int):
        return str(key)
    raise TypeError(f"{key!r} is no key")


for _field in (models.UUIDField, models.BigIntegerField, models.PositiveIntegerField, models.ForeignKey):
    _field.register_lookup(Among)
