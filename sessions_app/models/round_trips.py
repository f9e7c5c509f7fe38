"""Statements of one round trip, sent without waiting for each.

psycopg's pipeline asks the operating system after every statement whether it may write and has something to read, and
gives the interpreter's lock away each time: fifty times a batch. Each time another thread may take its turn, and the
event loop has much to do just then. What is sent here waits for the answers alone, and while the connection is full.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg.waiting import Ready, Wait

_Talk = Generator[Wait, Ready | int, None]


@contextmanager
def pipelined(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """psycopg's pipeline; a transaction that is due begins in the same round trip."""
    with connection.pipeline() as pipeline:
        pipeline._communicate_gen = partial(_send, pipeline)  # type: ignore[method-assign]
        _begin(connection, pipeline)
        pipeline._sync_gen = partial(_end, pipeline, pipeline._sync_gen)  # type: ignore[method-assign]
        pipeline._exit_gen = partial(_end, pipeline, pipeline._exit_gen)  # type: ignore[method-assign]
        yield
    # It refers to itself by them: without them it goes at once, and not when cycles are looked for.
    for name in ("_communicate_gen", "_sync_gen", "_exit_gen"):
        vars(pipeline).pop(name)


def _send(pipeline: psycopg.Pipeline) -> _Talk:
    """Hand over all that is queued; wait only while the connection takes no more."""
    link, commands = pipeline.pgconn, pipeline.command_queue
    while commands:
        commands.popleft()()
    while link.flush():
        ready = yield Wait.RW
        # The server may wait for us to read what it has told.
        if ready & Ready.R:
            link.consume_input()


def _end(pipeline: psycopg.Pipeline, end: Callable[[], _Talk]) -> _Talk:
    """Wait for the answers; where all have come, as after a COMMIT, there is nothing to wait for."""
    if pipeline.command_queue or pipeline.result_queue:
        yield from end()


def _begin(connection: "psycopg.Connection[Any]", pipeline: psycopg.Pipeline) -> None:
    """Queue the BEGIN that psycopg would send with the first statement, and would wait for."""
    pipeline._sync_gen = _nothing  # type: ignore[method-assign]
    try:
        connection.wait(connection._start_query())
    finally:
        del pipeline._sync_gen
    connection.wait(_send(pipeline))


def _nothing() -> _Talk:
    yield from ()
