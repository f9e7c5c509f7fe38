"""Statements that are compiled once in a process, and then only bound and executed; several in one round trip.

A query that the ORM builds anew for each call costs half a millisecond of its own, one that PostgreSQL plans anew as
much again, and one that is waited for alone a round trip. Here a query is built once, from `Place`s where its values
will stand, its constants written into its text. On PostgreSQL it is sent with its values apart, and prepared where the
connection allows it (not with `DATABASE_POOLER`); on SQLite the same text is executed plainly.

    _OPEN = Statement(lambda: Copy.objects.filter(account__among=Place("accounts")).values_list("id", "leg"))
    with together():                          # both in one round trip
        opened = _OPEN.send(accounts=accounts)
        others = _OTHERS.send(accounts=accounts)
    for pk, leg in opened.read(): ...

Values: a collection of UUIDs or of whole numbers, sent as one array; a text or a moment as it is. A number by itself is
a list of one: the driver would send it as one of three types, each a statement of its own.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet, Value

from sessions_app.models.round_trips import pipelined

T = TypeVar("T")
U = TypeVar("U")
Row = tuple[Any, ...]
_Build = Callable[[], "QuerySet[Any, Any] | tuple[str, Sequence[Any]]"]
_Convert = Callable[[list[Row]], list[Row]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of this name will stand."""

    name: str


def moment(name: str) -> Value:
    """A place for a moment, as the value of a comparison: `due_at__lte=moment("now")`."""
    return Value(Place(name))


class Answer(Generic[T]):
    """What a statement has found. It is there when the statement was executed, inside `together` after the block."""

    __slots__ = ("_cursor", "_make")

    def __init__(self, cursor: Any, make: Callable[[list[Row]], list[T]]) -> None:
        self._cursor, self._make = cursor, make

    def read(self) -> list[T]:
        """All rows, once.

        :raises RuntimeError: the block that sends the statement has not ended
        """
        link = _must_have_come()
        with link.wrap_database_errors:
            rows = self._cursor.fetchall()
        return self._make(rows)

    def of(self, make: "Callable[[list[Row]], list[U]]") -> "Answer[U]":
        """The same answer as rows of another kind."""
        own = self._make
        return Answer(self._cursor, lambda rows: make(own(rows)))  # type: ignore[arg-type]

    def count(self) -> int:
        """How many rows the statement has found or changed."""
        _must_have_come()
        return int(self._cursor.rowcount)


class Statement:
    """A statement that is compiled when it is first sent. It reads tuples, converted as its query would.

    `build`: a query by `values_list`, with places as the values of `among`, or a text with its parameters in order.
    A text is for one database, and is not converted.
    """

    def __init__(self, build: _Build) -> None:
        self._build = build
        self._compiled: _Compiled | None = None

    def send(self, **values: Any) -> Answer[Row]:
        """Execute it, or, inside `together`, put it with the others.

        :raises KeyError: a place has no value
        :raises django.db.Error: at once or, inside `together`, at its end
        """
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = _compile(self._build())
        link = _link()
        under = _UNDER[link.vendor]
        params = [_bound(values[item.name], under) if isinstance(item, Place) else item for item in compiled.params]
        return Answer(_execute(link, compiled.sql, params), compiled.convert)

    def read(self, **values: Any) -> list[Row]:
        """Execute it and read its rows."""
        return self.send(**values).read()


def execute(sql: str, params: Sequence[Any]) -> Answer[Row]:
    """Execute a text that is the same each time; its parameters are texts, moments or nothing, and cast by it."""
    return Answer(_execute(_link(), sql, params), _as_they_are)


@contextmanager
def together() -> Iterator[None]:
    """Send the statements of this block in one round trip; what they have found is read after it.

    One that fails lets none of the later ones run. Its error is raised at the end of the block. COPY is not allowed.
    On SQLite each is executed where it stands.

    :raises django.db.Error: of the first that failed
    """
    link = _link()
    if link.vendor != "postgresql" or _gathers(link):
        yield
        return
    link.ensure_connection()
    with link.wrap_database_errors, pipelined(link.connection):
        yield


def is_together() -> bool:
    """Whether statements are being gathered."""
    return _gathers(_link())


def _link() -> Any:
    """This thread's connection itself: each look at an attribute through Django's `connection` asks for the running
    loop first, and a statement looks at ten."""
    return connections[DEFAULT_DB_ALIAS]


def _gathers(link: Any) -> bool:
    driver = link.connection
    if driver is None or link.vendor != "postgresql":
        return False
    return bool(driver.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF)


def plan_by_index() -> None:
    """In this transaction, statements are planned to find their rows by an index, however small the tables are now.

    A plan is kept: one that was made while a table was small reads all of it by turns, with every batch, until somebody
    has analysed it. What runs here has an index for all that it looks for.
    """
    if connection.vendor == "postgresql":
        execute(_BY_INDEX, ())


def forget_plans() -> None:
    """Plan anew what this connection executes next, by how large the tables are by now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DISCARD PLANS")


# The compiler too: what finds no index would cost so much by the planner's book that its compilation seems worth while.
_BY_INDEX: Final = "SELECT " + ", ".join(
    f"set_config('{name}', 'off', true)" for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
)


def _must_have_come() -> Any:
    """This thread's connection, which gathers no statements."""
    link = _link()
    if _gathers(link):
        raise RuntimeError("what is sent together is read after the block")
    return link


# Compilation ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text, its parameters, and what makes values of what the driver reads."""

    sql: str
    params: Sequence[Any]
    convert: _Convert


def _as_they_are(rows: list[Row]) -> list[Row]:
    return rows


def _compile(built: "QuerySet[Any, Any] | tuple[str, Sequence[Any]]") -> _Compiled:
    if isinstance(built, tuple):
        sql, params, converters = *built, {}
    else:
        compiler = built.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([item[0] for item in compiler.select[: compiler.col_count]])
    if connection.vendor == "postgresql":
        sql, params = _with_constants(sql, params)
    return _Compiled(sql, tuple(params), partial(_converted, converters) if converters else _as_they_are)


def _with_constants(sql: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
    """The text with its constants in it: a plan that is kept knows then which partial index serves."""
    connection.ensure_connection()
    parts = sql.split("%s")
    text, places = [parts[0]], []
    for value, part in zip(params, parts[1:], strict=True):
        if isinstance(value, Place):
            places.append(value)
            text.append("%s")
        else:
            with psycopg.ClientCursor(connection.connection) as cursor:
                text.append(cursor.mogrify("%s", [value]).replace("%", "%%"))
        text.append(part)
    return "".join(text), places


def _converted(converters: Any, rows: list[Row]) -> list[Row]:
    if not rows:
        return rows
    columns: list[Any] = list(zip(*rows, strict=True))
    for place, (convert, expression) in converters.items():
        values = columns[place]
        for one in convert:
            values = [one(value, expression, connection) for value in values]
        columns[place] = values
    return list(zip(*columns, strict=True))


# Execution -----------------------------------------------------------------------------------------------------------

_MOMENT: Final = psycopg.adapters.types["timestamptz"].oid
_MOMENT_LOADER: Final = cast(Any, psycopg.adapters.get_loader(_MOMENT, psycopg.pq.Format.TEXT))
_UNDER: Final = {"postgresql": ("{", "}", ""), "sqlite": ("[", "]", '"')}


def _bound(value: Any, under: tuple[str, str, str]) -> Any:
    """A value as it is sent: a collection as an array in PostgreSQL's writing, or in JSON."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, str) or not isinstance(value, Collection):
        return value
    opened, closed, quote = under
    texts = [f"{quote}{item.hex}{quote}" if isinstance(item, UUID) else str(item) for item in value]
    return f"{opened}{','.join(texts)}{closed}"


def _execute(link: Any, sql: str, params: Sequence[Any]) -> Any:
    """Execute on a cursor of the driver's own, seen by whoever watches this connection's statements."""
    if link.vendor != "postgresql":
        cursor = link.cursor()
        cursor.execute(sql, params)
        # SQLite finds rows while they are read, also those that were written since.
        return _Found(cursor.fetchall(), cursor.rowcount)
    link.ensure_connection()
    link.validate_no_broken_transaction()
    # Django's own cursors bind in the client, and what they send is never prepared.
    own = psycopg.Cursor(link.connection)
    # Django's loader of moments is Python, for zones other than the connection's; ours is UTC.
    own.adapters.register_loader(_MOMENT, _MOMENT_LOADER)
    run = partial(_run, own)
    for wrapper in reversed(link.execute_wrappers):
        run = partial(wrapper, run)
    run(sql, params, False, {"connection": link, "cursor": own})
    return own


class _Found(NamedTuple):
    """What SQLite had found when the statement was executed."""

    rows: list[Row]
    rowcount: int

    def fetchall(self) -> list[Row]:
        return self.rows


def _run(cursor: "psycopg.Cursor[Any]", sql: str, params: Any, many: bool, context: Any) -> None:
    with context["connection"].wrap_database_errors:
        # A statement that may be prepared is; without a threshold on the connection, none is.
        cursor.execute(sql, params, prepare=True)
