"""Columns that several tables share."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import uuid_utils
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from uuid_utils.compat import uuid7

from sessions_app.domain.decimals import Lots, Money, Price, WireDecimal, plain
from sessions_app.domain.people import EA, GATEWAY
from sessions_app.domain.uuids import uuid_of


def new_id() -> UUID:
    """A UUIDv7."""
    return uuid_of(uuid_utils.uuid7().int)


def first_id(at: datetime) -> UUID:
    """The smallest id that a row made at this moment may have: ids begin with their milliseconds (RFC 9562, 5.7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def id_field() -> "models.UUIDField[UUID, UUID]":
    """The key of every table: UUIDv7, so that new rows land at the end of the index."""
    return models.UUIDField(primary_key=True, default=uuid7, editable=False)


OF_PEOPLE: Final = models.Q(~models.Q(actor=EA), ~models.Q(actor=GATEWAY))
"""In a history: what a person or a program of his did. Few among many: an index of their own finds them."""
_STEPS: Final = [Decimal(1).scaleb(-places) for places in range(31)]
REAL_DIGITS: Final = 15  # what SQLite keeps of a number, whatever the column says


class ExactDecimalField(models.DecimalField):  # type: ignore[type-arg]  # takes none while it runs
    """A decimal of more digits than SQLite keeps as a number: a text there, `numeric` on PostgreSQL.

    A text knows no order: what compares or sums in a query, beyond equal or not, is refused on every database.
    """

    _LOOKUPS: Final = frozenset({"exact", "in", "isnull"})

    def get_internal_type(self) -> str:
        """What decides how values are read and sent in bulk: not DecimalField, which SQLite reads through a float, but
        a name that PostgreSQL knows; else it would insert row by row."""
        return "TextField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type."""
        if connection.vendor == "sqlite":
            return "text"
        return f"numeric({self.max_digits}, {self.decimal_places})"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """The value as this database takes it; one text for equal numbers."""
        number = self.to_python(value)
        # An expression, or nothing.
        if not isinstance(number, Decimal) or connection.vendor != "sqlite":
            return number
        return self.written(number)

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        """None on PostgreSQL: what it keeps is an exact decimal already, with as many places as the column has."""
        return [] if connection.vendor == "postgresql" else super().get_db_converters(connection)

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> Decimal | None:
        """The decimal, with as many places as its column has on either database. What SQLite had kept as a number,
        before this column was a text, has lost no digit by that."""
        return None if value is None else _exact(value, self.decimal_places)

    def get_lookup(self, lookup_name: str) -> Any:
        """Equality alone.

        :raises FieldError: another lookup
        """
        if lookup_name not in self._LOOKUPS:
            raise FieldError(f"{self.name}: exact decimals are not compared in queries ({lookup_name})")
        return super().get_lookup(lookup_name)

    def written(self, number: Decimal) -> str:
        """The text that SQLite keeps."""
        return plain(_rounded(number, self.decimal_places))


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(_STEPS[places], rounding=ROUND_HALF_UP)


@lru_cache(maxsize=4096)
def _exact(kept: Any, places: int) -> Decimal:
    """What SQLite has kept. Prices and balances come back many times: with each row, and with the next intent."""
    return _rounded(Decimal(kept), places)


def decimal_field(kind: type[WireDecimal], **options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    """A column that keeps every digit of one of the wire's decimals, on each database."""
    digits = kind.whole + kind.places
    column = models.DecimalField if digits <= REAL_DIGITS else ExactDecimalField
    return column(max_digits=digits, decimal_places=kind.places, null=True, **options)


def lots_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Lots, **options)


def price_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Price, **options)


def money_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Money, **options)


def choice_field(kind: type[StrEnum], **options: Any) -> "models.CharField[str, str]":
    """A column limited to the names of a literal enum of the domain; see also `one_of`."""
    return models.CharField(max_length=32, choices=[(item.value, item.value) for item in kind], **options)


def address_field() -> "models.CharField[str, str]":
    """From where an act of a person came; empty of those that came by no address, or before it was kept."""
    return models.CharField(max_length=64, blank=True, default="", db_default="")


def moment_field(**options: Any) -> "models.DateTimeField[datetime | None, datetime | None]":
    return models.DateTimeField(null=True, **options)


def one_of(column: str, kind: Iterable[StrEnum], *, name: str) -> models.CheckConstraint:
    """The database's own limit of a column to the names of an enum."""
    values = [item.value for item in kind]
    return models.CheckConstraint(condition=models.Q(**{f"{column}__in": values}), name=name)
