"""An account that is run by the SDK on the paper broker, and that can die at any point and begin again."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from eagateway_sdk import (
    Action,
    Backoff,
    Clock,
    GatewayClient,
    InitRequest,
    OrderCommand,
    OrderIntent,
    Outcome,
    Side,
    StatusHeartbeat,
    SymbolSpec,
    Timing,
)
from eagateway_sdk.paper import Book, Event, FaultPlan, PaperTerminal, SymbolInfo

from tests.conformance.house import Role
from tests.conformance.players import Heard, Point
from tests.conformance.stage import Stage

PATIENCE: Final = 30.0
NEVER: Final = Backoff(first=600.0, longest=600.0, draw=lambda: 1.0)
SOON: Final = Backoff(first=0.05, longest=0.5)
QUICK: Final = Timing(search_window=0.3, search_pause=0.05, retry_pause=0.2)
SILENT: Final = Timing(ack_delay=60.0, search_window=0.3, search_pause=0.05, retry_pause=0.2)
PATIENT: Final = Timing(search_window=60.0, search_pause=0.05, retry_pause=0.2)
EVENTS: Final[dict[Heard, str]] = {
    "repeated": "commands.repeated", "in doubt": "commands.in_doubt", "searched": "commands.settled",
    "gap fills": "heard.GapFill", "sessions": "sessions.opened",
}  # fmt: skip
_TERMS: Final = SymbolInfo(
    digits=5, contract_size=Decimal(100000), lots_min=Decimal("0.01"), lots_step=Decimal("0.01"), lots_max=Decimal(50)
)
_INIT: Final = InitRequest(
    currency="USD",
    history_from="1970-01-01T00:00:00.000Z",
    symbols=[
        SymbolSpec(
            name="EURUSD", digits=5, contract_size=Decimal(100000), lots_min=Decimal("0.01"),
            lots_step=Decimal("0.01"), lots_max=Decimal(50),
        )
    ],
)  # fmt: skip


class HaltingTerminal(PaperTerminal):
    """The link is cut, unacknowledged, at a point of an order: `before` and `after` it hangs there to be killed; at
    `report` it is done."""

    halt: Point | None = None
    hangs = False
    on_halt: Callable[[], None]

    async def execute(self, command: OrderCommand) -> Outcome:
        if self.halt == "before":
            await self._hang()
        outcome = await super().execute(command)
        if self.halt == "after":
            await self._hang()
        if self.halt == "report":
            self.on_halt()
        return outcome

    async def _hang(self) -> None:
        self.on_halt()
        self.hangs = True
        await asyncio.Event().wait()


class Player:
    """One account: its broker's book outlives the programs; so does the store in `folder`, unless it is deleted."""

    def __init__(self, stage: Stage, role: Role, folder: Path) -> None:
        self._stage, self.role = stage, role
        self.store = folder / "store.sqlite3"
        self.book = Book({"EURUSD": _TERMS}, balance=Decimal(10000))
        self._beats: list[float] = []
        self._introduced = 0.0
        self._client: GatewayClient | None = None
        self.terminal = HaltingTerminal(self.book)

    def client(
        self, *, halt: Point | None = None, faults: FaultPlan | None = None, broker_clock: Clock | None = None,
        **more: Any,
    ) -> GatewayClient:  # fmt: skip
        """A program for this account, not started. `broker_clock`: when the broker does what it does late."""
        executes = halt != "received"
        terminal = self.terminal = HaltingTerminal(self.book, faults=faults, clock=broker_clock)
        terminal.halt = halt
        settings: dict[str, Any] = {
            "base_url": self._stage.house.url, "account_id": self.role.account_id, "auth_key": self.role.key,
            "store": self.store, "init_request": _INIT, "executor": terminal if executes else None,
            "transport": self._stage.transport, "durability": "process", "funds": self._funds,
            "backoff": NEVER if halt and executes else SOON, "timing": QUICK,
        }  # fmt: skip
        client = GatewayClient(**(settings | more))
        terminal.on_halt = lambda: cut(client)
        self._client = client
        return client

    async def start(
        self, *, halt: Point | None = None, faults: FaultPlan | None = None, silent: bool = False,
        hurried: bool = False, patient: bool = False, **settings: Any,
    ) -> GatewayClient:  # fmt: skip
        """Its searches are short unless it is patient. `settings`: of the client."""
        timing = {"timing": SILENT if silent else PATIENT} if silent or patient else {}
        client = self.client(halt=halt, faults=faults, **(timing | settings))
        await client.start()
        async with asyncio.timeout(PATIENCE):
            await client.wait_status("authenticated")
        await until(lambda: client.events["heard.InitAck"] > 0)
        self._introduced = asyncio.get_running_loop().time()
        return client

    @property
    def program(self) -> GatewayClient:
        """The newest one."""
        assert self._client is not None
        return self._client

    async def abort(self) -> None:
        await self.program.abort()

    async def leave(self) -> tuple[int, int]:
        await self.program.close()
        assert self.store.exists()
        assert self.program.parted is not None
        return self.program.parted

    async def halted(self, states: str) -> None:
        await self.reaches(states)
        await until(lambda: self.terminal.hangs or self.terminal.halt not in ("before", "after"))

    async def drained(self) -> None:
        await self.program.wait_drained()

    async def replaced(self) -> int:
        await until(lambda: self.program.status == "stopped")
        code = self.program.failure.code if self.program.failure is not None else 0
        assert isinstance(code, int), code
        return code

    async def lives(self) -> None:
        beats = len(self._beats)
        await until(lambda: len(self._beats) > beats)
        assert self.program.status == "authenticated"

    async def first_beat(self) -> float:
        await until(lambda: bool(self._beats))
        return self._beats[0] - self._introduced

    def heard(self, what: Heard) -> int:
        return self.program.events[EVENTS[what]]

    def _funds(self) -> StatusHeartbeat:
        # The figures go with the introduction, too: that is answered before the first beat is due.
        if self._client is not None and self._client.events["heard.InitAck"]:
            self._beats.append(asyncio.get_running_loop().time())
        money = self.book.balance
        return StatusHeartbeat(balance=money, equity=money, free_margin=money, connected=True)

    # The ledger, read and set as it stands on disk ----------------------------------------------------------------

    def _file(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.store, isolation_level=None, timeout=5.0)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def states(self) -> str:
        """The state of every command in the ledger, in order: R, S, D or V."""
        with suppress(sqlite3.OperationalError):
            return "".join(row[0] for row in self._file("SELECT state FROM ledger ORDER BY seq"))
        return ""

    def command_ids(self) -> list[UUID]:
        return [UUID(row[0]) for row in self._file("SELECT command_id FROM ledger ORDER BY seq")]

    def unfinished(self) -> list[UUID]:
        return [command.command_id for command in self.program.unfinished_commands]

    async def reaches(self, states: str) -> None:
        await until(lambda: self.states() == states)

    def forget_head(self) -> None:
        """Let the ledger not know how far it came: the gateway sends again what has no outcome."""
        self._file("UPDATE head SET seq = 0, frame_id = ''")

    def receive_again(self) -> None:
        """Let an order that was being sent look as if it was only received."""
        self._file("UPDATE ledger SET state = 'R' WHERE state = 'S'")

    def delete_store(self) -> None:
        for path in self.store.parent.glob("store.sqlite3*"):
            path.unlink()

    def executed(self) -> list[str]:
        return [entry.action for entry in self.book.journal]

    def lots(self) -> list[Decimal]:
        return [position.lots for position in self.book.positions()]

    def working(self) -> int:
        return len(self.book.working)

    async def fill(self, ticket: int) -> None:
        event = Event(line=1, t="2026.11.23 04:00:00", ev="activate", ticket=ticket, price=Decimal("1.05"))
        reports = self.terminal.on_recorded(event)
        assert [report.status for report in reports] == ["filled"]
        for report in reports:
            await self.program.send_report(report)

    async def trade_and_die(self, ticket: int, point: str) -> None:
        trade, client = _opened(ticket), self.program
        if point != "after the gateway stored it":
            cut(client)
        if point == "before its outbox line":
            lost = asyncio.create_task(client.send_intent(trade))
            await asyncio.sleep(0)
            await client.abort()
            lost.cancel()
            return
        await client.send_intent(trade)
        if point == "after the gateway stored it":
            await client.wait_drained()
            await client.abort()
            self.delete_store()

    async def look_again(self, ticket: int, point: str) -> None:
        """It has no list of trades of its own: who uses it compares, and tells again what his baseline lacks."""
        if point != "after its outbox line":
            await self.program.send_intent(_opened(ticket))


def _opened(ticket: int) -> OrderIntent:
    return OrderIntent(
        action=Action.OPEN, position_id=ticket, ticket=ticket, symbol="EURUSD", side=Side.BUY, lots=Decimal("0.10"),
        price=Decimal("1.1"),
    )  # fmt: skip


def cut(client: GatewayClient) -> None:
    """Cut a client's link as a network failure would."""
    link = client._link
    if link is not None:
        link.cut()


async def until(reached: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - a file, or another's object
            await asyncio.sleep(0.02)
