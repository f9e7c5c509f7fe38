"""A worker on a ledger, without a gateway: commands are put in by hand, reports are read from the outbox."""

import asyncio
import heapq
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from eagateway_sdk import Clock, ExecutionReport, Executor, InitRequest, OrderCommand, Timing
from eagateway_sdk.clock import ServerClock, rfc3339
from eagateway_sdk.context import Context, Hooks
from eagateway_sdk.ids import uuid7
from eagateway_sdk.journal import Journal
from eagateway_sdk.ledger import Ledger
from eagateway_sdk.outbox import Outbox, read_row
from eagateway_sdk.session import SessionFile
from eagateway_sdk.worker import Worker

_TURNS = 60
_WALL = 1.8e9
EPOCH = "0198f000-0000-7000-8000-000000000001"


class HandClock:
    """A clock that a test puts forward; who waits for a moment on it is woken then."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def clock(self) -> Clock:
        return Clock(monotonic=self.now, wall=lambda: _WALL + self.seconds, boot="bench", sleep=self._sleep)

    def now(self) -> float:
        return self.seconds

    async def _sleep(self, seconds: float) -> None:
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.seconds + seconds, self._count, future))
        await future

    def rfc3339(self, *, ahead: float) -> str:
        """The wall clock's time, so many seconds ahead."""
        return rfc3339(datetime.fromtimestamp(_WALL + self.seconds + ahead, tz=UTC))

    async def advance(self, seconds: float) -> None:
        """So much time passes, from one awaited moment to the next."""
        end = self.seconds + seconds
        await turns()
        while self._waiting and self._waiting[0][0] <= end:
            at, _, future = heapq.heappop(self._waiting)
            self.seconds = max(self.seconds, at)
            if not future.done():
                future.set_result(None)
            await turns()
        self.seconds = end
        await turns()


async def turns() -> None:
    """Let everything run that waits for nothing but its turn."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class Bench:
    """One program: it begins on the store in `folder`, and `killed` leaves there what a kill would."""

    def __init__(self, folder: Path, hand: HandClock, executor: Executor, **timing: Any) -> None:
        clock = hand.clock()
        self.journal = Journal(folder / "store.sqlite3", durability="process")
        self.ledger = Ledger(self.journal, clock)
        self.context = Context(
            journal=self.journal, outbox=Outbox(self.journal, clock), ledger=self.ledger,
            sessions=SessionFile(self.journal, base_url="http://x", account_id="Demo:1", credential="k"),
            clock=clock, server_clock=ServerClock(clock), hooks=Hooks(), timing=Timing(**timing),
            init_request=InitRequest(currency="USD"), executor=executor,
        )  # fmt: skip
        self.journal.on_failure = self.context.reread
        if not self.ledger.epoch:
            self.ledger.adopt_epoch(EPOCH)
        self._task = asyncio.create_task(Worker(self.context, executor).run())

    async def order(self, payload: dict[str, Any], *, run: bool = True) -> OrderCommand:
        """A command arrives under the next number."""
        command = msgspec.convert(payload, OrderCommand, strict=False)
        self.ledger.receive(seq=self.ledger.head + 1, frame_id=uuid7(), command=command)
        self.context.work.set()
        if run:
            await turns()
        return command

    @property
    def reports(self) -> list[ExecutionReport]:
        """Everything that was reported, in order."""
        frames = [read_row(row) for row in self.context.outbox.rows()]
        return [frame for frame in frames if isinstance(frame, ExecutionReport)]

    def told(self, copy_no: int) -> list[tuple[str, bool | None]]:
        """What was reported of one copy: status and `found`."""
        return [(report.status.value, report.found) for report in self.reports if report.copy_no == copy_no]

    def state_of(self, copy_no: int) -> str:
        """The states of a copy's commands as they stand in the file, in order."""
        rows = self.journal.read("SELECT state FROM ledger WHERE copy_no = ? ORDER BY seq", (copy_no,))
        return "".join(str(row[0]) for row in rows)

    def stop(self) -> None:
        """From here on the worker begins nothing."""
        self._task.cancel()

    async def kill(self) -> None:
        """As a kill: what is not committed is gone."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.journal.abandon()
