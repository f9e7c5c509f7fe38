"""Transactions of one process take turns before they ask SQLite for its lock; a statement can ask for the time.

SQLite has one writer. Whoever finds it at work polls, with pauses that grow to a tenth of a second, and who came first
has no advantage: of forty threads some wait until their time is up, and "database is locked" becomes a 503. Threads of
one process know of each other: they wait for a lock, and the next one starts when it is let go of.

What the ORM writes with `%s` is sent with `?`: each text is converted once, by an expression that costs a third of
what SQLite takes to answer.

SQLite has no clock that tells microseconds: `clock_timestamp()`, by PostgreSQL's name, tells the process's.
"""

import sqlite3
import threading
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Final

from django.db import OperationalError
from django.db.backends.sqlite3 import base, operations
from django.db.models.expressions import Col

from sessions_app.domain.uuids import uuid_of

_HEX: Final = 32  # digits of an id
_KEPT: Final = Context(prec=15)  # SQLite keeps 15 digits; the others are a float's noise
_turns: Final[dict[str, threading.Lock]] = {}


def _moment(kept: bytes) -> datetime:
    """A column's moment: kept in UTC, with no word of it."""
    return datetime.fromisoformat(f"{kept.decode()}+00:00")


sqlite3.register_converter("datetime", _moment)


def turn_of(path: str) -> threading.Lock:
    """Whose turn it is to write to this database, among the threads of this process."""
    return _turns.setdefault(path, threading.Lock())


class _Operations(operations.DatabaseOperations):
    """What is read by the thousand is made by the shortest way that makes what Django makes of it."""

    def convert_uuidfield_value(self, value: Any, expression: object, connection: object) -> Any:
        if value is None or len(value) != _HEX:
            return super().convert_uuidfield_value(value, expression, connection)
        return uuid_of(int(value, 16))

    def convert_datetimefield_value(self, value: Any, expression: object, connection: object) -> Any:
        # Most moments of a row are not yet there; the others have come through `_moment`, with their zone.
        if value is None or (type(value) is datetime and value.tzinfo is not None):
            return value
        return super().convert_datetimefield_value(value, expression, connection)

    def get_decimalfield_converter(self, expression: Any) -> Any:
        if not isinstance(expression, Col):
            return super().get_decimalfield_converter(expression)
        column: Any = expression.output_field
        digits, places = column.max_digits, column.decimal_places
        return lambda value, *_: None if value is None else _number(value, digits, places)


@lru_cache(maxsize=4096)
def _number(value: float, digits: int, places: int) -> Decimal:
    """What SQLite has kept of a decimal. Lots and steps come back with each row, and again with the next intent."""
    kept = _KEPT.create_decimal_from_float(value)
    return kept.quantize(Decimal(1).scaleb(-places), context=Context(prec=digits))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait for those of the process's other threads."""

    ops_class = _Operations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: threading.Lock | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        link = super().get_new_connection(conn_params)
        # No method: the link would hold this object, and who is not closed would live for ever.
        link.create_function("clock_timestamp", 0, _now)
        return link

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=_Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()  # only then: a COMMIT that fails is rolled back, and the turn is still ours

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _take_turn(self) -> None:
        turn = turn_of(str(self.settings_dict["NAME"]))
        if not turn.acquire(timeout=float(self.settings_dict["OPTIONS"].get("timeout", 5))):
            raise OperationalError("database is locked")
        self._turn = turn

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()


class _Cursor(base.SQLiteCursorWrapper):
    """A cursor that has converted most texts before."""

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        return _with_marks(query) if param_names is None else super().convert_query(query, param_names=param_names)


@lru_cache(maxsize=1024)
def _with_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


def _now() -> str:
    """The moment as Django keeps it in a column: in UTC, with no word of it."""
    return str(datetime.now(UTC).replace(tzinfo=None))
