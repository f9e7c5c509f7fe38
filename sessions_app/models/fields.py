"""Columns that several tables share."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7

from sessions_app.domain.decimals import MAX_DIGITS, Lots, Money, Price, WireDecimal

new_id = uuid7


def id_field() -> "models.UUIDField[UUID, UUID]":
    """The key of every table: UUIDv7, so that new rows land at the end of the index."""
    return models.UUIDField(primary_key=True, default=uuid7, editable=False)


def decimal_field(kind: type[WireDecimal], **options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    """A column for one of the wire's decimals: at most 15 digits, so that SQLite keeps it exactly."""
    return models.DecimalField(max_digits=MAX_DIGITS, decimal_places=kind.places, null=True, **options)


def lots_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Lots, **options)


def price_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Price, **options)


def money_field(**options: Any) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return decimal_field(Money, **options)


def choice_field(kind: type[StrEnum], **options: Any) -> "models.CharField[str, str]":
    """A column limited to the names of a literal enum of the domain; see also `one_of`."""
    return models.CharField(max_length=32, choices=[(item.value, item.value) for item in kind], **options)


def moment_field(**options: Any) -> "models.DateTimeField[datetime | None, datetime | None]":
    return models.DateTimeField(null=True, **options)


def one_of(column: str, kind: Iterable[StrEnum], *, name: str) -> models.CheckConstraint:
    """The database's own limit of a column to the names of an enum."""
    values = [item.value for item in kind]
    return models.CheckConstraint(condition=models.Q(**{f"{column}__in": values}), name=name)
