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
from types import NoneType
from typing import Any, Final

import msgspec
from django.db import connection, models

from sessions_app.models.fields import ExactDecimalField
from sessions_app.models.statements import Answer, execute, is_together
from sessions_app.models.transactions import requires_transaction

COPY_FROM: Final = 50  # COPY costs two round trips more, and less for each row
_Encode = Callable[[Any], Any]
_as_array: Final = msgspec.json.Encoder(enc_hook=str).encode  # a text of a type of its own is its text
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
    elif len(rows) < COPY_FROM or is_together():
        execute(table.insert_arrays, _arrays_of_insert(table.columns, rows))
    else:
        _copy(table.copy, table.columns, rows)


@requires_transaction
def upsert_rows(model: type[models.Model], rows: Collection[Any], *, one_per: str, then: str) -> None:
    """Insert these rows; where one stands already, change that one, inside the caller's transaction.

    `one_per`: of what there is one, as its unique index says, with its condition; no two of `rows` are about the same.
    `then`: what is set on the one that stands, SQL that knows the new values as `excluded`. The rows are written in
    the order in which they are given: two writers who keep one order do not wait for each other in a circle.
    """
    if not rows:
        return
    table = _table(model, connection.vendor)
    more = f" ON CONFLICT {one_per} DO UPDATE SET {then}"
    if connection.vendor == "postgresql":
        execute(table.insert_arrays + more, _arrays_of_insert(table.columns, rows))
    else:
        _execute_for_each(table.insert_each + more, table.columns, rows)


@requires_transaction
def update_rows(
    model: type[models.Model],
    rows: Collection[Any],
    names: Sequence[str],
    *,
    by: Sequence[str] = ("id",),
    only: str = "",
) -> int:
    """Write these columns of these rows, inside the caller's transaction; how many were found.

    They are found by the columns `by`, where they fulfil the condition `only`, SQL about the table's own columns. It
    locks nothing. On PostgreSQL the order in which rows are written is the database's: whoever may meet another writer
    locks them before.
    """
    changed = send_update(model, rows, names, by=by, only=only)
    return changed if isinstance(changed, int) else changed.count()


@requires_transaction
def send_update(
    model: type[models.Model],
    rows: Collection[Any],
    names: Sequence[str],
    *,
    by: Sequence[str] = ("id",),
    only: str = "",
) -> int | Answer[Any]:
    """As `update_rows`, for what is sent together with others: how many were found is known after the block."""
    if not rows:
        return 0
    update = _update(model, tuple(names), tuple(by), only, connection.vendor)
    if connection.vendor == "postgresql":
        return _send(update.statement, update.columns, rows)
    return _execute_for_each(update.statement, update.columns, rows)


# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its name quoted, its type without bounds, where its value is found, and how a value is encoded.

    `as_text`: its values are no JSON of their own, and go into an array as the text that `encode` makes. `by_place`: on
    PostgreSQL its different values are inserted from an array of their own.
    """

    name: str
    kind: str
    value: Callable[[Any], Any]
    encode: _Encode
    is_text: bool
    as_text: bool
    by_place: bool


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Sequence[_Column]
    insert_each: str
    insert_arrays: str
    copy: str


@dataclass(frozen=True, slots=True)
class _Update:
    """An UPDATE: its columns in the order in which its statement names them."""

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
        insert_arrays=f"INSERT INTO {name} ({names}) {_selected(columns)}",
        copy=f"COPY {name} ({names}) FROM STDIN",
    )


@cache
def _update(model: type[models.Model], names: tuple[str, ...], by: tuple[str, ...], only: str, vendor: str) -> _Update:
    fields = {field.name: field for field in model._meta.concrete_fields}
    columns, keys = ([_column(fields[name], vendor) for name in some] for some in (names, by))
    table = connection.ops.quote_name(model._meta.db_table)
    more = f" AND {only}" if only else ""
    if vendor == "postgresql":
        # Names of their own, so that the condition names the table's columns without doubt.
        known = ", ".join([f"k{place}" for place in range(len(keys))] + [f"v{place}" for place in range(len(columns))])
        sets = ", ".join(f"{column.name} = new.v{place}" for place, column in enumerate(columns))
        found = " AND ".join(f"{table}.{key.name} = new.k{place}" for place, key in enumerate(keys))
        source = f"{_unnested([*keys, *columns])} AS new({known})"
        return _Update([*keys, *columns], f"UPDATE {table} SET {sets} FROM {source} WHERE {found}{more}")  # noqa: S608
    sets = ", ".join(f"{column.name} = %s" for column in columns)
    found = " AND ".join(f"{key.name} = %s" for key in keys)
    return _Update([*columns, *keys], f"UPDATE {table} SET {sets} WHERE {found}{more}")  # noqa: S608


def _unnested(columns: Sequence[_Column]) -> str:
    return f"unnest({', '.join(f'%s::{column.kind}[]' for column in columns)})"


def _selected(columns: Sequence[_Column]) -> str:
    """All rows of the arrays. Those of a JSON column have the place of their text among its different ones: a text that
    a hundred rows share is sent, and read by the database, once."""
    if not any(column.by_place for column in columns):
        return f"SELECT * FROM {_unnested(columns)}"  # noqa: S608 - names of the models
    names = [f"v{place}" for place in range(len(columns))]
    chosen = [
        f"known.{name}[new.{name}]" if column.by_place else f"new.{name}"
        for column, name in zip(columns, names, strict=True)
    ]
    arrays = ", ".join("%s::int[]" if column.by_place else f"%s::{column.kind}[]" for column in columns)
    placed = [(column.kind, name) for column, name in zip(columns, names, strict=True) if column.by_place]
    known = f"(VALUES ({', '.join(f'%s::{kind}[]' for kind, _ in placed)})) AS known({', '.join(n for _, n in placed)})"
    return f"SELECT {', '.join(chosen)} FROM unnest({arrays}) AS new({', '.join(names)}), {known}"  # noqa: S608


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
        as_text=isinstance(source, models.JSONField | models.BinaryField),
        by_place=vendor == "postgresql" and isinstance(source, models.JSONField),
    )


# Execution -----------------------------------------------------------------------------------------------------------


def _send(statement: str, columns: Sequence[_Column], rows: Collection[Any]) -> Answer[Any]:
    return execute(statement, [_array(column, rows) for column in columns])


def _arrays_of_insert(columns: Sequence[_Column], rows: Collection[Any]) -> list[str]:
    """As `_selected` names them: an array for each column, then the different values of those that have places."""
    different, arrays = [], []
    for column in columns:
        if not column.by_place:
            arrays.append(_array(column, rows))
            continue
        values = list(map(column.value, rows))
        # By the objects: rows that share their content hold the very same one.
        found = {id(value): value for value in values if value is not None}
        places = {key: place for place, key in enumerate(found, 1)}
        different.append(_array_of(column, list(found.values())))
        arrays.append("{" + ",".join([str(places.get(id(value), "NULL")) for value in values]) + "}")
    return [*arrays, *different]


def _array(column: _Column, rows: Collection[Any]) -> str:
    """A column's values as PostgreSQL writes an array: JSON in other brackets, made by one call in compiled code.

    A backslash means more in JSON than there: a text with a control character is quoted here.
    """
    values = list(map(column.value, rows))
    # Followers that are ordered alike share most of their columns' values: the very same objects.
    if len(values) > 1 and len(set(map(id, values))) == 1:
        one = _array_of(column, values[:1])[1:-1]
        return "{" + ",".join([one] * len(values)) + "}"
    return _array_of(column, values)


def _array_of(column: _Column, values: list[Any]) -> str:
    if column.as_text:
        values = [None if value is None else column.encode(value) for value in values]
    text = _as_array(values).decode()
    if "\\" in text and "\\" in text.replace("\\\\", "").replace('\\"', ""):
        quoted = ("NULL" if value is None else _quoted(str(value)) for value in values)
        return "{" + ",".join(quoted) + "}"
    return "{" + text[1:-1] + "}"


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


def _execute_for_each(statement: str, columns: Sequence[_Column], rows: Collection[Any]) -> int:
    encoded = [_encoded(column, list(map(column.value, rows))) for column in columns]
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(zip(*encoded, strict=True)))
        return int(cursor.rowcount)


def _encoded(column: _Column, values: list[Any]) -> list[Any]:
    """Followers that are ordered alike share most of their values, the very same objects: each is encoded once."""
    if set(map(type, values)) <= _BOUND_AS_THEY_ARE:
        return values
    found = {id(value): value for value in values}
    if len(found) == len(values):
        return [None if value is None else column.encode(value) for value in values]
    texts = {key: None if value is None else column.encode(value) for key, value in found.items()}
    return [texts[id(value)] for value in values]


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
    if isinstance(field, ExactDecimalField):
        return field.written
    if isinstance(field, models.DecimalField):
        return partial(_sqlite_number, Decimal(1).scaleb(-field.decimal_places))
    for kind, encode in _SQLITE.items():
        if isinstance(field, kind):
            return encode
    return partial(_as_django, field)


def _sqlite_moment(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")


_BOUND_AS_THEY_ARE: Final = {str, int, bool, NoneType}  # a text is one for every column that is given one

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
