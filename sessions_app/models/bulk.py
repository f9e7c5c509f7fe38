"""Many rows of one table in one statement, whatever their number: inserted whole, or some columns updated by key.

PostgreSQL takes them as one array a column (`unnest`), or from COPY_FROM rows on as COPY: what `bulk_create` and
`executemany` take a hundred executions for is one. SQLite has no round trip: it executes its prepared statement for
each row. What is written needs no models: anything will do that has an attribute for each column, as models name it.
"""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final

import msgspec
from django.db import connection, models

from sessions_app.models.fields import ExactDecimalField
from sessions_app.models.transactions import requires_transaction

COPY_FROM: Final = 50  # COPY costs two round trips more, and less for each row
_Encode = Callable[[Any], Any]
_COPY_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class JsonText(str):
    """What a JSON column shall hold, encoded already: rows that share their content share the work."""

    __slots__ = ()


@requires_transaction
def insert_rows(model: type[models.Model], rows: Collection[Any]) -> None:
    """Insert these rows whole, inside the caller's transaction.

    :raises django.db.IntegrityError: one of them breaks a constraint; none is inserted then
    """
    if not rows:
        return
    table = _table(model, connection.vendor)
    if connection.vendor != "postgresql":
        _execute_for_each(table.insert_each, table.columns, rows)
    elif len(rows) < COPY_FROM:
        _execute(table.insert_arrays, table.columns, rows)
    else:
        _copy(table.copy, table.columns, rows)


@requires_transaction
def update_rows(model: type[models.Model], rows: Collection[Any], names: Sequence[str]) -> None:
    """Write these columns of these rows, found by their keys, inside the caller's transaction.

    It neither compares nor locks. On PostgreSQL the order in which rows are written is the database's: whoever may meet
    another writer locks them before.
    """
    if not rows:
        return
    update = _update(model, tuple(names), connection.vendor)
    if connection.vendor == "postgresql":
        _execute(update.statement, update.columns, rows)
    else:
        _execute_for_each(update.statement, update.columns, rows)


# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its name quoted, its type without bounds, where its value is found, and how a value is encoded."""

    name: str
    kind: str
    value: Callable[[Any], Any]
    encode: _Encode
    is_text: bool


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Sequence[_Column]
    insert_each: str
    insert_arrays: str
    copy: str


@dataclass(frozen=True, slots=True)
class _Update:
    """An UPDATE by key: the key's column comes first on PostgreSQL, and last on SQLite, as its statement names them."""

    columns: Sequence[_Column]
    statement: str


@cache
def _table(model: type[models.Model], vendor: str) -> _Table:
    columns = [_column(field, vendor) for field in model._meta.concrete_fields]
    name = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(column.name for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    return _Table(
        columns=columns,
        insert_each=f"INSERT INTO {name} ({names}) VALUES ({marks})",  # noqa: S608 - names of the models
        insert_arrays=f"INSERT INTO {name} ({names}) SELECT * FROM {_unnested(columns)}",  # noqa: S608
        copy=f"COPY {name} ({names}) FROM STDIN",
    )


@cache
def _update(model: type[models.Model], names: tuple[str, ...], vendor: str) -> _Update:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    columns = [_column(by_name[name], vendor) for name in names]
    key = _column(model._meta.pk, vendor)
    table = connection.ops.quote_name(model._meta.db_table)
    if vendor == "postgresql":
        sets = ", ".join(f"{column.name} = new.{column.name}" for column in columns)
        known = ", ".join(column.name for column in (key, *columns))
        source = f"{_unnested([key, *columns])} AS new({known})"
        statement = f"UPDATE {table} SET {sets} FROM {source} WHERE {table}.{key.name} = new.{key.name}"  # noqa: S608
        return _Update([key, *columns], statement)
    sets = ", ".join(f"{column.name} = %s" for column in columns)
    return _Update([*columns, key], f"UPDATE {table} SET {sets} WHERE {key.name} = %s")  # noqa: S608


def _unnested(columns: Sequence[_Column]) -> str:
    return f"unnest({', '.join(f'%s::{column.kind}[]' for column in columns)})"


def _column(field: Any, vendor: str) -> _Column:
    source = field.target_field if field.is_relation else field
    # Without its bounds: a cast to varchar(n) would cut what is too long, where an assignment refuses it.
    kind = "text" if isinstance(source, models.CharField | models.TextField) else str(source.db_type(connection))
    return _Column(
        name=connection.ops.quote_name(str(field.column)),
        kind=kind.partition("(")[0],
        value=attrgetter(field.attname),
        encode=_postgres_encoder(source) if vendor == "postgresql" else _sqlite_encoder(source),
        is_text=isinstance(source, models.CharField | models.TextField | models.JSONField | models.BinaryField),
    )


# Execution -----------------------------------------------------------------------------------------------------------


def _execute(statement: str, columns: Sequence[_Column], rows: Collection[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_array(column, rows) for column in columns])


def _array(column: _Column, rows: Collection[Any]) -> str:
    """A column's values as PostgreSQL writes an array."""
    encode, values = column.encode, map(column.value, rows)
    if not column.is_text:
        return "{" + ",".join(["NULL" if value is None else encode(value) for value in values]) + "}"
    return "{" + ",".join(["NULL" if value is None else _quoted(encode(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _copy(statement: str, columns: Sequence[_Column], rows: Collection[Any]) -> None:
    """COPY, seen by whoever watches this connection's statements, as every other one is."""
    lines = zip(*(_copied(column, rows) for column in columns), strict=True)
    content = "\n".join(map("\t".join, lines)) + "\n"
    with connection.cursor() as cursor:

        def execute(sql: str, params: object, many: bool, context: object) -> None:
            with connection.wrap_database_errors, cursor.copy(sql) as copying:
                copying.write(content.encode())

        run = execute
        for wrapper in reversed(connection.execute_wrappers):
            run = partial(wrapper, run)
        run(statement, None, False, {"connection": connection, "cursor": cursor})


def _copied(column: _Column, rows: Collection[Any]) -> list[str]:
    encode, values = column.encode, map(column.value, rows)
    if not column.is_text:
        return ["\\N" if value is None else encode(value) for value in values]
    return ["\\N" if value is None else encode(value).translate(_COPY_ESCAPES) for value in values]


def _execute_for_each(statement: str, columns: Sequence[_Column], rows: Collection[Any]) -> None:
    encoded = [
        [None if value is None else column.encode(value) for value in map(column.value, rows)] for column in columns
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(zip(*encoded, strict=True)))


# Values --------------------------------------------------------------------------------------------------------------


def _postgres_encoder(field: Any) -> _Encode:
    """How PostgreSQL reads a value of this column: its text, not yet quoted."""
    for kind, encode in _POSTGRES.items():
        if isinstance(field, kind):
            return encode
    raise TypeError(f"no text form of {field} is known")


def _hex(value: Any) -> str:
    text: str = value.hex
    return text


def _json(value: Any) -> str:
    return value if isinstance(value, JsonText) else msgspec.json.encode(value).decode()


_POSTGRES: Final[dict[type, _Encode]] = {
    models.UUIDField: _hex,
    models.DateTimeField: dt.datetime.isoformat,
    models.JSONField: _json,
    models.BinaryField: lambda value: "\\x" + bytes(value).hex(),
    models.DecimalField: str,
    models.IntegerField: str,
    models.BooleanField: str,
    models.CharField: str,
    models.TextField: str,
}


def _sqlite_encoder(field: Any) -> _Encode:
    """What Django would send, without asking each value's field how for the kinds that come by the thousand."""
    if isinstance(field, models.DecimalField) and not isinstance(field, ExactDecimalField):
        return partial(_sqlite_number, Decimal(1).scaleb(-field.decimal_places))
    for kind, encode in _SQLITE.items():
        if isinstance(field, kind):
            return encode
    return partial(_as_django, field)


def _sqlite_moment(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")


_SQLITE: Final[dict[type, _Encode]] = {
    models.UUIDField: _hex,
    models.DateTimeField: _sqlite_moment,
    models.JSONField: _json,
    models.IntegerField: int,
    models.BooleanField: int,
    models.CharField: str,
}


def _sqlite_number(step: Decimal, value: Decimal) -> str:
    return format(Decimal(value).quantize(step), "f")


def _as_django(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)
