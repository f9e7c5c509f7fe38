"""What a piece of work costs, counted and not timed: the same on every machine.

    with counted() as cost:
        batches.store(arrivals=arrivals)
    assert cost.calls <= 12

It counts below Django: a cursor of the driver that somebody takes by himself is counted too, in every thread.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import tee
from typing import Any, Final
from unittest.mock import patch

import msgspec
import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.models import Model
from redis.commands.core import PubSubCommands

_OURS: Final = ("eagateway", "backoffice", "orders", "sessions_app")
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "COPY", "WITH", "MERGE")
_FREE: Final = ("BEGIN",)  # SQLite's is a statement, PostgreSQL's comes with the first one


@dataclass(slots=True)
class Cost:
    """Counts of one block.

    calls: how often a driver was asked to do something; what is sent together is one, with the COMMIT among it.
    statements: what the database executed: of an executemany one for each row, of a COPY one in all. commits: COMMITs,
    and writes outside of a transaction, which are one each. instances: model instances made or loaded, by class.
    encodes: values that became JSON text, the arrays of a statement's columns aside: they are as many as its columns,
    whatever its rows. hops: work handed to another thread. messages: what was published to other
    processes. texts: each statement with its parameters.
    """

    calls: int = 0
    statements: int = 0
    commits: int = 0
    instances: Counter[str] = field(default_factory=Counter)
    encodes: int = 0
    hops: int = 0
    messages: int = 0
    texts: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def sql(self) -> list[str]:
        """The statements' texts, one for each call."""
        return [text for text, _ in self.texts]

    def naming(self, table: str) -> list[str]:
        """The statements that name a table."""
        return [text for text in self.sql if table in text]

    def of(self, figure: str) -> int:
        """A figure by its name; of instances how many there are of all classes."""
        value = getattr(self, figure)
        return value.total() if isinstance(value, Counter) else int(value)

    def note(
        self, statement: object, params: Any = None, *, rows: int = 1, committed_by_itself: bool, together: bool = False
    ) -> None:
        """One call, or what goes together with others, whose call is counted where they begin."""
        text = _text(statement)
        verb = text.lstrip(" (").partition(" ")[0].upper()
        if verb in _FREE:
            return
        self.calls += not together
        self.statements += rows
        self.texts.append((text, params))
        if committed_by_itself and verb in _WRITES:
            self.commits += 1


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what happens in the block, in every thread of this process."""
    cost = Cost()
    with ExitStack() as stack:
        for target, name, replacement in (
            *_statements(cost),
            *_transactions(cost),
            *_instances(cost),
            *_threads(cost),
            *_messages(cost),
            *_encoders(cost),
        ):
            stack.enter_context(patch.object(target, name, replacement))
        yield cost


_Patch = tuple[Any, str, Any]


def _text(statement: object) -> str:
    return statement.decode() if isinstance(statement, bytes) else str(statement)


# SQL ------------------------------------------------------------------------------------------------------------------


def _statements(cost: Cost) -> Iterable[_Patch]:
    yield from _psycopg(cost)
    execute, executemany = SQLiteCursorWrapper.execute, SQLiteCursorWrapper.executemany

    def sqlite_execute(cursor: SQLiteCursorWrapper, query: str, params: Any = None) -> Any:
        cost.note(query, params, committed_by_itself=not cursor.connection.in_transaction)
        return execute(cursor, query, params)

    def sqlite_executemany(cursor: SQLiteCursorWrapper, query: str, param_list: Iterable[Any]) -> Any:
        rows = list(param_list)
        cost.note(query, rows, rows=len(rows), committed_by_itself=not cursor.connection.in_transaction)
        return executemany(cursor, query, rows)

    yield SQLiteCursorWrapper, "execute", sqlite_execute
    yield SQLiteCursorWrapper, "executemany", sqlite_executemany


def _psycopg(cost: Cost) -> Iterable[_Patch]:
    execute, executemany, copy = psycopg.Cursor.execute, psycopg.Cursor.executemany, psycopg.Cursor.copy

    def alone(cursor: psycopg.Cursor[Any]) -> bool:
        return cursor.connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE and bool(
            cursor.connection.autocommit
        )

    def counted_execute(cursor: psycopg.Cursor[Any], query: Any, params: Any = None, **options: Any) -> Any:
        together = cursor.connection.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF
        cost.note(query, params, committed_by_itself=alone(cursor), together=together)
        return execute(cursor, query, params, **options)

    def counted_executemany(cursor: psycopg.Cursor[Any], query: Any, params_seq: Any, **options: Any) -> Any:
        given, measured = tee(params_seq)
        cost.note(query, rows=sum(1 for _ in measured), committed_by_itself=alone(cursor))
        return executemany(cursor, query, given, **options)

    def counted_copy(cursor: psycopg.Cursor[Any], statement: Any, *arguments: Any, **options: Any) -> Any:
        cost.note(statement, committed_by_itself=alone(cursor))
        return copy(cursor, statement, *arguments, **options)

    pipeline = psycopg.Connection.pipeline

    def counted_pipeline(link: psycopg.Connection[Any]) -> Any:
        cost.calls += 1
        return pipeline(link)

    yield psycopg.Connection, "pipeline", counted_pipeline
    yield psycopg.Cursor, "execute", counted_execute
    yield psycopg.Cursor, "executemany", counted_executemany
    yield psycopg.Cursor, "copy", counted_copy


def _transactions(cost: Cost) -> Iterable[_Patch]:
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def counted_commit(wrapper: BaseDatabaseWrapper) -> Any:
        cost.commits += 1
        return commit(wrapper)

    yield BaseDatabaseWrapper, "_commit", counted_commit


# Python ---------------------------------------------------------------------------------------------------------------


def _instances(cost: Cost) -> Iterable[_Patch]:
    """`from_db` ends in `__init__`: one count holds both."""
    make = Model.__init__

    def counted_init(row: Model, *values: Any, **named: Any) -> None:
        cost.instances[type(row).__name__] += 1
        make(row, *values, **named)

    yield Model, "__init__", counted_init


def _threads(cost: Cost) -> Iterable[_Patch]:
    submit, call = ThreadPoolExecutor.submit, asyncio.BaseEventLoop.call_soon_threadsafe

    def counted_submit(pool: ThreadPoolExecutor, *arguments: Any, **named: Any) -> Any:
        cost.hops += 1
        return submit(pool, *arguments, **named)

    def counted_call(loop: asyncio.BaseEventLoop, callback: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if getattr(callback, "__module__", "") != "asyncio.futures":  # the way back of what was submitted
            cost.hops += 1
        return call(loop, callback, *arguments, **named)

    yield ThreadPoolExecutor, "submit", counted_submit
    yield asyncio.BaseEventLoop, "call_soon_threadsafe", counted_call


def _messages(cost: Cost) -> Iterable[_Patch]:
    publish = PubSubCommands.publish

    def counted_publish(client: Any, *arguments: Any, **named: Any) -> Any:
        cost.messages += 1
        return publish(client, *arguments, **named)

    yield PubSubCommands, "publish", counted_publish


# JSON -----------------------------------------------------------------------------------------------------------------


class _Encoder:
    """An encoder of msgspec, which cannot be patched itself, with a count before it."""

    def __init__(self, encoder: msgspec.json.Encoder, cost: Cost) -> None:
        self._encoder, self._cost = encoder, cost

    def encode(self, value: object) -> bytes:
        self._cost.encodes += 1
        return self._encoder.encode(value)

    def encode_into(self, value: object, buffer: bytearray, offset: int = 0) -> None:
        self._cost.encodes += 1
        self._encoder.encode_into(value, buffer, offset)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


def _encoders(cost: Cost) -> Iterable[_Patch]:
    dumps, encode = json.JSONEncoder.encode, msgspec.json.encode

    def counted_dumps(encoder: json.JSONEncoder, value: Any) -> str:
        cost.encodes += 1
        return dumps(encoder, value)

    def counted_encode(value: Any, *arguments: Any, **named: Any) -> bytes:
        cost.encodes += 1
        return encode(value, *arguments, **named)

    yield json.JSONEncoder, "encode", counted_dumps
    yield msgspec.json, "encode", counted_encode
    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _OURS]
    for module in ours:
        for name, value in list(vars(module).items()):
            if name == "_as_array":
                continue
            if isinstance(value, msgspec.json.Encoder):
                yield module, name, _Encoder(value, cost)
            elif isinstance(encoder := getattr(value, "__self__", None), msgspec.json.Encoder):
                yield module, name, getattr(_Encoder(encoder, cost), value.__name__)
            elif value is encode:
                yield module, name, counted_encode
