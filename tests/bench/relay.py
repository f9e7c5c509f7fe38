"""The bare relay: the least that can be done with the gateway's promise. No Django, no rules, no recovery.

One asyncio process, `websockets` with its C parts, one writer that takes everything that waits. An intent goes to every
follower as it came; a row of each intent, command and report is durable before anything is told of it: psycopg in one
round trip per batch with `synchronous_commit` on, or SQLite with `synchronous=FULL`.

    python -m tests.bench.relay --database postgres://... --masters 10 --followers 100
"""

import argparse
import asyncio
import gc
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
import psycopg
import uuid_utils.compat
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.bench.wire import SUBPROTOCOL

ACK_SECONDS: Final = 0.1
_MAGIC: Final = 0x5A000000
_TABLES: Final = {
    "intents": "id {id}, account {text}, frame_id {id}, action {text}, position_id {big}, symbol {text}, side {text}, "
    "lots {number}, price {number}, received_at {moment}",
    "commands": "id {id}, account {text}, seq {big}, intent_id {id}, action {text}, copy_no {big}, position_id {big}, "
    "symbol {text}, side {text}, lots {number}, price {number}, decided_at {moment}",
    "reports": "id {id}, account {text}, frame_id {id}, command_id {id}, status {text}, ticket {big}, lots {number}, "
    "price {number}, received_at {moment}",
}
_POSTGRES: Final = {"id": "uuid", "text": "text", "big": "bigint", "number": "numeric", "moment": "timestamptz"}
_SQLITE: Final = {"id": "text", "text": "text", "big": "integer", "number": "text", "moment": "text"}
Row = tuple[Any, ...]


class _Payload(msgspec.Struct):
    token: str = ""
    action: str = ""
    position_id: int = 0
    symbol: str = ""
    side: str | None = None
    lots: str | None = None
    price: str | None = None
    command_id: UUID | None = None
    status: str = ""
    ticket: int | None = None


class _Frame(msgspec.Struct):
    type: str
    id: UUID
    payload: _Payload
    seq: int | None = None
    ack: int | None = None


_read: Final = msgspec.json.Decoder(_Frame).decode
new_id: Final = uuid_utils.compat.uuid7


@dataclass(slots=True, eq=False)
class Account:
    """One account: its link, and the numbers of both directions."""

    name: str
    followers: "list[Account]" = field(default_factory=list)
    link: ServerConnection | None = None
    next_seq: int = 1
    stored: int = 0
    copies: dict[int, int] = field(default_factory=dict)
    next_copy: int = 1


class Store(Protocol):
    """Where rows become durable."""

    async def write(self, rows: dict[str, list[Row]]) -> None: ...


class PostgresStore:
    """One statement per table and one COMMIT, all in one round trip."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._statements: dict[str, str] = {}

    @classmethod
    async def create(cls, url: str) -> "PostgresStore":
        store = cls(await psycopg.AsyncConnection.connect(url, autocommit=True))
        for table, columns in _TABLES.items():
            await store._connection.execute(
                f"CREATE TABLE {table} ({columns.format(**_POSTGRES)}, PRIMARY KEY (id))".encode()
            )
            types = [part.split()[1].format(**_POSTGRES) for part in columns.split(", ")]
            arrays = ", ".join(f"%s::{kind}[]" for kind in types)
            store._statements[table] = f"INSERT INTO {table} SELECT * FROM unnest({arrays})"  # noqa: S608
        for table, column in (("commands", "account, seq"), ("reports", "command_id")):
            await store._connection.execute(f"CREATE INDEX ON {table} ({column})".encode())
        return store

    async def write(self, rows: dict[str, list[Row]]) -> None:
        async with self._connection.pipeline(), self._connection.transaction():
            for table, many in rows.items():
                columns = [list(column) for column in zip(*many, strict=True)]
                await self._connection.execute(self._statements[table].encode(), columns, prepare=True)


class SqliteStore:
    """One transaction in a thread; it waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        for table, columns in _TABLES.items():
            self._connection.execute(f"CREATE TABLE {table} ({columns.format(**_SQLITE)}, PRIMARY KEY (id))")
        self._connection.execute("CREATE INDEX commands_by_seq ON commands (account, seq)")
        self._connection.execute("CREATE INDEX reports_by_command ON reports (command_id)")

    async def write(self, rows: dict[str, list[Row]]) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._write, rows)

    def _write(self, rows: dict[str, list[Row]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for table, many in rows.items():
            marks = ", ".join("?" for _ in many[0])
            texts = [tuple(str(v) if isinstance(v, UUID | datetime) else v for v in row) for row in many]
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", texts)  # noqa: S608
        self._connection.execute("COMMIT")


class Relay:
    """All accounts, their links, and the writer."""

    def __init__(self, store: Store, *, masters: int, followers: int) -> None:
        self._store = store
        self._waiting: list[tuple[Account, _Frame]] = []
        self._awake = asyncio.Event()
        self._unacknowledged: set[Account] = set()
        self._accounts: dict[str, Account] = {}
        for number in range(masters):
            master = self._accounts[f"m{number}"] = Account(f"m{number}")
            for other in range(followers):
                follower = Account(f"f{number}-{other}")
                self._accounts[follower.name] = follower
                master.followers.append(follower)

    async def serve(self, link: ServerConnection) -> None:
        """One terminal, from Hello to its end."""
        account: Account | None = None
        try:
            async for text in link:
                frame = _read(text)
                if frame.seq is not None and account is not None:
                    self._waiting.append((account, frame))
                    self._awake.set()
                elif frame.type == "StatusHeartbeat" and account is not None:
                    _tell(account, "HeartbeatAck", f'{{"server_time":"","epoch":"","top_seq":{account.next_seq - 1}}}')
                elif frame.type == "InitRequest" and account is not None:
                    _tell(account, "InitAck", "{}")
                elif frame.type == "Hello":
                    account = self._accounts[frame.payload.token]
                    account.link = link
                    _tell(account, "SessionState", '{"status":"authenticated"}')
        except ConnectionClosed:
            pass

    async def write(self) -> None:
        """The writer: whatever waits is one batch."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            batch, self._waiting = self._waiting, []
            rows: dict[str, list[Row]] = defaultdict(list)
            told: list[tuple[Account, bytes]] = []
            now = datetime.now(UTC)
            for account, frame in batch:
                if frame.type == "OrderIntent":
                    told += _copy(account, frame, rows, now)
                else:
                    rows["reports"].append(_report(account, frame, now))
                account.stored = frame.seq or 0
                self._unacknowledged.add(account)
            await self._store.write(rows)
            for account, text in told:
                if account.link is not None:
                    broadcast((account.link,), text, text=True)

    async def acknowledge(self) -> None:
        """As the gateway does: at most every 100 ms, whatever has come meanwhile."""
        while True:
            await asyncio.sleep(ACK_SECONDS)
            accounts, self._unacknowledged = self._unacknowledged, set()
            for account in accounts:
                _tell(account, "Ack", f'{{"ack":{account.stored}}}', f'"ack":{account.stored},')


def _copy(master: Account, frame: _Frame, rows: dict[str, list[Row]], now: datetime) -> list[tuple[Account, bytes]]:
    """The decision of a relay: the same for everybody."""
    told, wanted, intent_id = [], frame.payload, new_id()
    rows["intents"].append((intent_id, master.name, frame.id, wanted.action, wanted.position_id, wanted.symbol,
                            wanted.side, wanted.lots, wanted.price, now))  # fmt: skip
    tail = (
        f'"position_id":{wanted.position_id},"symbol":"{wanted.symbol}","side":"{wanted.side or "buy"}",'
        f'"lots":"{wanted.lots}","price":"{wanted.price}","valid_until":"{now.isoformat()}","lots_before":"0",'
        f'"lots_after":"{wanted.lots}"}}}}'
    )
    for account in master.followers:
        command_id, seq = new_id(), account.next_seq
        account.next_seq += 1
        if wanted.action == "open":
            copy_no = account.copies[wanted.position_id] = account.next_copy
            account.next_copy += 1
        else:
            copy_no = account.copies.pop(wanted.position_id)
        rows["commands"].append((command_id, account.name, seq, intent_id, wanted.action, copy_no, wanted.position_id,
                                 wanted.symbol, wanted.side, wanted.lots, wanted.price, now))  # fmt: skip
        text = (
            f'{{"v":1,"type":"OrderCommand","id":"{new_id()}","seq":{seq},"ack":{account.stored},"payload":'
            f'{{"command_id":"{command_id}","action":"{wanted.action}","copy_no":{copy_no},"magic":{_MAGIC | copy_no},'
        )
        told.append((account, (text + tail).encode()))
    return told


def _report(account: Account, frame: _Frame, now: datetime) -> Row:
    told = frame.payload
    return (new_id(), account.name, frame.id, told.command_id, told.status, told.ticket, told.lots, told.price, now)


def _tell(account: Account, kind: str, payload: str, numbers: str = "") -> None:
    if account.link is not None:
        text = f'{{"v":1,"type":"{kind}","id":"{new_id()}",{numbers}"payload":{payload}}}'
        broadcast((account.link,), text)


async def main(options: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    store: Store
    if options.database.startswith("postgres"):
        store = await PostgresStore.create(options.database)
    else:
        store = SqliteStore(Path(options.database))
    relay = Relay(store, masters=options.masters, followers=options.followers)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    quiet = {"compression": None, "ping_interval": None, "backlog": 2048, "max_queue": 1024}
    protocols = [Subprotocol(SUBPROTOCOL)]
    async with serve(relay.serve, "127.0.0.1", 0, subprotocols=protocols, **quiet) as server:  # type: ignore[arg-type]
        tasks = [asyncio.create_task(relay.write()), asyncio.create_task(relay.acknowledge())]
        for task in tasks:
            task.add_done_callback(lambda ended: None if ended.cancelled() else stop.set())
        gc.collect()
        gc.freeze()
        sys.stdout.write(f"ready on http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}\n")
        sys.stdout.flush()
        await stop.wait()
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.relay")
    parser.add_argument("--database", required=True, help="postgres://... or the path of a new SQLite file")
    parser.add_argument("--masters", type=int, default=1)
    parser.add_argument("--followers", type=int, default=100, help="of each master")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    uvloop.run(main(_options(sys.argv[1:])))
