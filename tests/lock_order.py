"""A watch on the order of locks, which no writer may leave: sessions_app/services/lifecycle/locking.py says what it is.

It reads the statements that a process executes on PostgreSQL, also those that are compiled once, and keeps for each
transaction the rows that it has locked so far, by `SELECT ... FOR UPDATE`, UPDATE, DELETE or `pg_advisory_xact_lock`.
A row that comes after one that is later in the order is a violation: two such transactions can wait for each other.

Rows that the transaction has made itself are nobody else's yet, and so is the turn of an account that it has made.

In the tests' own process the test fails that has caused it; a gateway process that a test has started writes it down,
and the run fails at its end. The foreign keys of an INSERT only keep rows from being deleted: they are not looked at.
"""

import os
import re
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

GRAPH: Final = 0x5A00_6772_6170_6800  # of orders/services/subscriptions/cycles.py
FOLDER_VARIABLE: Final = "EAGATEWAY_LOCK_WATCH"
CIRCLE, TURN, ACCOUNTS = "circle", "turn", "sessions_app_brokeraccount"
KEYS, GRANTS, SESSIONS = "sessions_app_authkey", "sessions_app_accountgrant", "sessions_app_easession"
ROOMS: Final = "sessions_app_pendingroom"
ORDER: Final = {place: rank for rank, place in enumerate((CIRCLE, KEYS, GRANTS, TURN, SESSIONS, ROOMS, ACCOUNTS))}
_OURS: Final = ("sessions_app", "orders", "backoffice", "eagateway")
Row = tuple[int, int]  # rank, and the id as a number
_SHOWN: Final = 4
_ANY: Final = -1  # an UPDATE by a condition: some rows of that table


@dataclass(eq=False)
class Ledger:
    """What one transaction has locked."""

    held: set[Row] = field(default_factory=set)
    highest: Row | None = None

    def make(self, rank: int, numbers: Sequence[int]) -> None:
        """Note rows that nobody else can see yet."""
        self.held |= {(rank, number) for number in numbers}
        if rank == ORDER[ACCOUNTS]:
            self.held |= {(ORDER[TURN], _turn_of(number)) for number in numbers}

    def take(self, rank: int, numbers: Sequence[int]) -> str | None:
        """Note rows in the order in which they were locked; what is wrong with it, or None."""
        fault = None
        for number in numbers:
            row = (rank, number)
            if number == _ANY and any(kind == rank for kind, _ in self.held):
                continue  # those were locked before
            if row in self.held:
                continue
            if self.highest is not None and row < self.highest and not (number == _ANY and rank == self.highest[0]):
                fault = fault or f"{_name(row)} is locked after {_name(self.highest)}"
            self.held.add(row)
            self.highest = max(row, self.highest or row)
        return fault


def _turn_of(account: int) -> int:
    """The number of an account's turn, as sessions_app/services/lifecycle/locking.py makes it."""
    return int.from_bytes(UUID(int=account).bytes[-8:], "big", signed=True)


def _name(row: Row) -> str:
    place = list(ORDER)[row[0]]
    if row[1] == _ANY:
        return f"some row of {place}"
    return f"{place} {row[1]}" if place in (TURN, CIRCLE) else f"{place} {UUID(int=row[1])}"


# Statements -----------------------------------------------------------------------------------------------------------

_LOCKING: Final = re.compile(r"\bFOR (?:NO KEY )?UPDATE(?: OF (?P<of>[^)]*?))?(?: NOWAIT| SKIP LOCKED)?\s*$")
_MAKING: Final = re.compile(r'^INSERT INTO "(?P<table>\w+)" \((?P<columns>[^)]*)\)')
_WRITING: Final = re.compile(r'^(?:UPDATE|DELETE FROM) "(?P<table>\w+)"')
_TABLES: Final = re.compile(r'(?:FROM|JOIN) "(\w+)"')
_QUOTED: Final = re.compile(r'"(\w+)"')


@dataclass(frozen=True, slots=True)
class Locking:
    """A statement that locks rows of these tables, or makes some."""

    tables: tuple[str, ...]
    reads: bool = False
    makes: bool = False


def locking(sql: str) -> Locking | None:
    """Which tables of the order a statement locks rows of; None for all others."""
    if "pg_advisory_xact_lock" in sql:
        return Locking((TURN,))
    if (made := _MAKING.match(sql)) is not None:
        return Locking((made["table"],), makes=True) if made["table"] in ORDER else None
    if (written := _WRITING.match(sql)) is not None:
        return Locking((written["table"],)) if written["table"] in ORDER else None
    found = _LOCKING.search(sql) if "UPDATE" in sql[-120:] else None
    if found is None or not sql.startswith("SELECT"):
        return None
    tables = _QUOTED.findall(found["of"]) if found["of"] else _TABLES.findall(sql)
    known = tuple(dict.fromkeys(table for table in tables if table in ORDER))
    return Locking(known, reads=True) if known else None


def made(sql: str, params: Sequence[Any]) -> list[int]:
    """The ids of the rows that an INSERT makes: their columns come in turn."""
    found = _MAKING.match(sql)
    columns = _QUOTED.findall(found["columns"]) if found else []
    key = _key(found["table"]) if found else ""
    if key not in columns or "ON CONFLICT" in sql:  # the row may be somebody else's
        return []
    if "UNNEST(" in sql.upper():
        ids = params[columns.index(key)]
        return [_number(value) for value in (ids.strip("{}").split(",") if isinstance(ids, str) else ids)]
    return [_number(value) for value in params[columns.index(key) :: len(columns)]]


def _key(table: str) -> str:
    return "key_id" if table == ROOMS else "id"


def _number(value: Any) -> int:
    return value.int if isinstance(value, UUID) else UUID(str(value).strip('"')).int


def by_condition(sql: str, params: Sequence[Any], table: str) -> list[int]:
    """The rows that a statement names by their ids, in no order that it promises; _ANY if it names none."""
    before, _, condition = sql.rpartition(" WHERE ")
    if "unnest(" in before:  # of many rows at once: the first array holds their ids
        return sorted(_number(text) for text in str(params[0]).strip("{}").split(","))
    if re.search(rf'"{table}"\."{_key(table)}" (?:= %s|IN \(%s|= ANY)', condition) is None:
        return [_ANY]
    bound = params[before.count("%s") :]
    listed = [item for value in bound for item in (value if isinstance(value, list | tuple) else [value])]
    return sorted(item.int for item in listed if isinstance(item, UUID)) or [_ANY]


# The watch ------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Asked:
    """A locking statement whose rows are there when its round trip has ended."""

    ledger: Ledger
    what: Locking
    sql: str
    params: Sequence[Any]
    cursor: Any
    where: str


class Watch:
    """All connections of this process, each with the ledger of the transaction that it is in."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.reported_here = False  # whether tests of this process fail for them, by tests/lanes.py
        self._ledgers: weakref.WeakKeyDictionary[BaseDatabaseWrapper, list[Ledger]] = weakref.WeakKeyDictionary()
        self._asked: weakref.WeakKeyDictionary[BaseDatabaseWrapper, list[_Asked]] = weakref.WeakKeyDictionary()
        self._oids: dict[int, str] = {}

    def connected(self, connection: BaseDatabaseWrapper) -> None:
        """Watch a connection from now on."""
        if connection.vendor == "postgresql" and connection not in self._asked:
            self._asked[connection] = []
            connection.execute_wrappers.append(partial(self._executed, weakref.ref(connection)))

    def _executed(
        self,
        watched: weakref.ref[BaseDatabaseWrapper],
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        answer = execute(sql, params, many, context)
        connection = watched()
        if connection is None:
            return answer
        stack = self._ledgers.get(connection)
        if stack and (what := locking(str(sql))) is not None:
            given = [value for row in params for value in row] if many else params or ()
            cursor = getattr(context["cursor"], "cursor", context["cursor"])
            asked = _Asked(stack[-1], what, str(sql), given, cursor, _place())
            self._asked[connection].append(asked)
        self.settle(connection)
        return answer

    def settle(self, connection: BaseDatabaseWrapper) -> None:
        """Look at what was asked, when nothing is being gathered for a round trip."""
        asked, link = self._asked.get(connection), connection.connection
        if not asked or link is None or link.closed or link.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF:
            return
        self._asked[connection] = []
        for item in asked:
            for table in item.what.tables:
                if item.what.makes:
                    item.ledger.make(ORDER[table], made(item.sql, item.params))
                    continue
                place = CIRCLE if table == TURN and list(item.params) == [GRAPH] else table
                fault = item.ledger.take(ORDER[place], self._rows(item, table, link))
                if fault is not None:
                    self._report(f"{fault}, at {item.where}: {item.sql[:160]}")

    def begin(self, connection: BaseDatabaseWrapper) -> None:
        """A block of `atomic` begins: the outermost is a transaction, those inside begin with what it holds."""
        stack = self._ledgers.setdefault(connection, [])
        stack.append(Ledger(set(stack[-1].held), stack[-1].highest) if stack else Ledger())

    def end(self, connection: BaseDatabaseWrapper, *, failed: bool) -> None:
        """A block of `atomic` has ended. What an inner one has locked stays locked, unless it was rolled back."""
        self.settle(connection)
        stack = self._ledgers.get(connection)
        inner = stack.pop() if stack else None
        if stack and inner is not None and not failed:
            stack[-1].held, stack[-1].highest = inner.held, inner.highest

    def _rows(self, item: _Asked, table: str, link: Any) -> list[int]:
        if table == TURN:
            (turns,) = item.params
            return turns if isinstance(turns, list) else [int(turns)]
        result = item.cursor.pgresult
        if item.what.reads and result is not None:
            place = self._id_column(result, table, link)
            if place is not None:
                return [UUID(result.get_value(row, place).decode()).int for row in range(result.ntuples)]
        return by_condition(item.sql, item.params, table)

    def _id_column(self, result: Any, table: str, link: Any) -> int | None:
        columns = [place for place in range(result.nfields) if result.fname(place).decode() == _key(table)]
        return next((place for place in columns if self._table(result.ftable(place), link) == table), None)

    def _table(self, oid: int, link: Any) -> str:
        """The name of a table; asked below the driver's cursors, so that nobody counts it."""
        if oid not in self._oids:
            found = link.pgconn.exec_(f"SELECT relname FROM pg_class WHERE oid = {oid}".encode())  # noqa: S608
            if not found.ntuples:
                return ""
            self._oids[oid] = found.get_value(0, 0).decode()
        return self._oids[oid]

    def _report(self, text: str) -> None:
        self.violations.append(text)
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder and not self.reported_here and Path(folder).is_dir():
            with (Path(folder) / f"{os.getpid()}.txt").open("a") as file:
                file.write(f"{text}\n")

    @contextmanager
    def apart(self) -> Iterator[list[str]]:
        """The violations of this block, which fail no test: somebody has planted them."""
        kept, self.violations = self.violations, []
        try:
            yield self.violations
        finally:
            self.violations = kept

    def taken(self) -> list[str]:
        """What was seen since this was last asked."""
        seen, self.violations = self.violations, []
        return seen


def _place() -> str:
    """Where the product's code executes a statement: the nearest frames of it, below the models."""
    places: list[str] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and len(places) < _SHOWN:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _OURS and not name.startswith("sessions_app.models"):
            places.append(f"{name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(places) or "a test"


WATCH: Final = Watch()


def install() -> None:
    """Watch every connection that this process opens."""
    enter, leave = transaction.Atomic.__enter__, transaction.Atomic.__exit__

    def entered(block: transaction.Atomic) -> None:
        enter(block)
        if not _is_of_the_test(block):
            WATCH.begin(transaction.get_connection(block.using))

    def left(block: transaction.Atomic, *exception: Any) -> None:
        if not _is_of_the_test(block):
            WATCH.end(transaction.get_connection(block.using), failed=exception[:1] != (None,))
        leave(block, *exception)

    transaction.Atomic.__enter__ = entered  # type: ignore[method-assign]
    transaction.Atomic.__exit__ = left  # type: ignore[method-assign]
    connection_created.connect(lambda connection, **_: WATCH.connected(connection), weak=False)


def _is_of_the_test(block: transaction.Atomic) -> bool:
    """Whether Django's test case has put it around a whole test, with many transactions of ours in it."""
    return bool(getattr(block, "_from_testcase", False))
