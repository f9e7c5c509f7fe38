"""Terminals that trade: they speak docs/protocol.md, the same frames to the gateway and to the bare relay.

A follower reports a command as soon as everything that has come with it is read, so that its answers delay no receipt.
Every report acknowledges what was received.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import uuid_utils

from tests.bench.wire import Link

PATH: Final = "/ea-gateway/v1/stream"
WAVE: Final = 40
PATIENCE: Final = 120.0
BEAT_SECONDS: Final = 5.0
_SLICE: Final = 0.05
_SYMBOL: Final = (
    '{"name":"EURUSD","digits":5,"contract_size":"100000","lots_min":"0.01","lots_step":"0.01","lots_max":"50",'
    '"tick_size":"0.00001","tick_value":"1"}'
)
_INIT: Final = (
    '{"platform":"mt4","currency":"USD","balance":"1000000","equity":"1000000","free_margin":"1000000",'
    f'"symbols":[{_SYMBOL}]}}'
)
_BEAT: Final = '{"balance":"1000000","equity":"1000000","free_margin":"1000000","connected":true,"trade_allowed":true}'


class _Payload(msgspec.Struct):
    """Every field of any payload that a terminal looks at."""

    command_id: str = ""
    action: str = ""
    copy_no: int = 0
    position_id: int = 0
    lots: str | None = None
    side: str = ""
    phase: str = ""
    request_id: str | None = None
    code: str = ""
    message: str | None = None
    status: str = ""
    next: int = 0
    retry: dict[str, Any] | None = None
    refused: list[dict[str, Any]] = []


class _Frame(msgspec.Struct):
    """The envelope."""

    type: str
    payload: _Payload
    seq: int | None = None
    ack: int | None = None


_read: Final = msgspec.json.Decoder(_Frame).decode


@dataclass(slots=True, eq=False)
class Told:
    """One intent on its way: who still has to receive its command, and when the last one did."""

    kind: str
    left: int
    sent_at: float
    last_at: float = 0.0
    done: "asyncio.Event" = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float:
        """From the master's frame to the last follower's receipt."""
        return self.last_at - self.sent_at


class Terminal:
    """One EA on one socket."""

    def __init__(self, load: "Load", name: str, token: str) -> None:
        self.load, self.name, self.token = load, name, token
        self.seq = self.acked = self.head = 0
        self.held: dict[int, tuple[str, str]] = {}
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.introduced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.compared = False
        self.sent_at = 0.0
        self._unacknowledged: dict[int, bytes] = {}
        self._link: Link | None = None

    # Connecting ------------------------------------------------------------------------------------------------------

    async def connect(self, host: str, port: int) -> None:
        """Handshake, Hello, and the gateway's answer to it."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(
            lambda: Link(path=PATH, token=self.token, heard=self._heard), host=host, port=port
        )
        self._link = link
        await asyncio.wait_for(link.opened, PATIENCE)
        self.send("Hello", f'{{"token":"{self.token}","installation_id":"{self.name}","last_server_seq":{self.head}}}')
        await asyncio.wait_for(self.welcomed, PATIENCE)

    async def introduce(self) -> None:
        """Tell the terminal and its one symbol; wait for InitAck."""
        self.send("InitRequest", _INIT)
        await asyncio.wait_for(self.introduced, PATIENCE)

    def close(self) -> None:
        """Say goodbye; `Load.part` waits until it has left."""
        if self._link is not None:
            self._link.close()

    async def closed(self) -> None:
        """Return when the link is gone."""
        if self._link is not None:
            await asyncio.wait({self._link.closed}, timeout=5.0)

    def stop_reading(self) -> None:
        """Stay connected and read nothing."""
        if self._link is not None:
            self._link.stop_reading()

    # Sending ---------------------------------------------------------------------------------------------------------

    def send(self, kind: str, payload: str) -> None:
        """One frame without a number."""
        self._write(f'{{"v":1,"type":"{kind}","id":"{uuid_utils.uuid7()}","payload":{payload}}}'.encode())

    def send_numbered(self, kind: str, payload: str) -> None:
        """One durable frame; it acknowledges what was received."""
        self.seq += 1
        text = (
            f'{{"v":1,"type":"{kind}","id":"{uuid_utils.uuid7()}","seq":{self.seq},"ack":{self.head},'
            f'"payload":{payload}}}'
        ).encode()
        self._unacknowledged[self.seq] = text
        self._write(text)

    def beat(self) -> None:
        """One heartbeat."""
        self.sent_at = time.perf_counter()
        self.send("StatusHeartbeat", _BEAT)

    def report(self, command: _Payload) -> None:
        """The order was carried out at once."""
        lots = command.lots or "0.01"
        if command.action == "open":
            self.held[command.copy_no] = (command.side, lots)
            result = f'"status":"filled","ticket":{command.copy_no + 1000},"lots":"{lots}","price":"1.10002"'
        else:
            self.held.pop(command.copy_no, None)
            result = (
                f'"status":"closed","ticket":{command.copy_no + 1000},"lots":"{lots}","remaining_lots":"0",'
                '"price":"1.10012","profit":"0.1"'
            )
        self.send_numbered(
            "ExecutionReport",
            f'{{"command_id":"{command.command_id}",{result},"balance":"1000000","equity":"1000000","execution_ms":3}}',
        )

    def _write(self, text: bytes) -> None:
        if self._link is not None:
            self._link.send(text)

    def _send_again(self) -> None:
        """What was refused for now, and all that follows it."""
        for text in list(self._unacknowledged.values()):
            self._write(text)

    # Hearing ---------------------------------------------------------------------------------------------------------

    def _heard(self, text: bytes) -> None:
        frame = _read(text)
        if frame.ack is not None and frame.ack > self.acked:
            self.load.acknowledged(frame.ack - self.acked)
            for number in range(self.acked + 1, frame.ack + 1):
                self._unacknowledged.pop(number, None)
            self.acked = frame.ack
        hear = _HEARD.get(frame.type)
        if hear is not None:
            hear(self, frame)

    def _on_command(self, frame: _Frame) -> None:
        self.head = frame.seq or self.head
        self.load.received(self, frame.payload)

    def _on_gap(self, frame: _Frame) -> None:
        self.head = max(self.head, frame.payload.next - 1)
        self.load.gaps += 1

    def _on_state(self, frame: _Frame) -> None:
        if not self.welcomed.done():
            self.welcomed.set_result(None)
        elif frame.payload.status not in ("", "authenticated"):
            self.load.troubles.append(f"{self.name}: the session is {frame.payload.status}")

    def _on_init_ack(self, frame: _Frame) -> None:
        if not self.introduced.done():
            self.introduced.set_result(None)

    def _on_beat(self, frame: _Frame) -> None:
        self.load.beaten(self)

    def _on_snapshot(self, frame: _Frame) -> None:
        if frame.payload.phase == "result":
            self.compared = True
            return
        positions = ",".join(
            f'{{"ticket":{copy_no + 1000},"symbol":"EURUSD","side":"{side}","lots":"{lots}","price":"1.10002",'
            f'"magic":{0x5A000000 | copy_no}}}'
            for copy_no, (side, lots) in self.held.items()
        )
        self.send(
            "SyncSnapshot",
            f'{{"phase":"report","request_id":"{frame.payload.request_id}","hash":"{len(self.held)}",'
            f'"applied_server_seq":{self.head},"balance":"1000000","positions":[{positions}]}}',
        )

    def _on_alert(self, frame: _Frame) -> None:
        retry = frame.payload.retry
        if frame.payload.code == "throttled" and retry is not None:
            self.load.slowed_down += 1
            asyncio.get_running_loop().call_later(float(retry["after_seconds"]), self._send_again)
        else:
            self.load.troubles.append(f"{self.name}: {frame.payload.code} {frame.payload.message or ''}")


_HEARD: Final[dict[str, Callable[[Terminal, _Frame], None]]] = {
    "OrderCommand": Terminal._on_command,
    "GapFill": Terminal._on_gap,
    "SessionState": Terminal._on_state,
    "InitAck": Terminal._on_init_ack,
    "HeartbeatAck": Terminal._on_beat,
    "Hello": Terminal._on_state,  # the echo's answers
    "StatusHeartbeat": Terminal._on_beat,
    "SyncSnapshot": Terminal._on_snapshot,
    "ErrorAlert": Terminal._on_alert,
}


@dataclass(eq=False)
class Load:
    """All terminals of one measured server, and what they count."""

    masters: list[Terminal] = field(default_factory=list)
    followers: dict[str, list[Terminal]] = field(default_factory=dict)
    told: dict[tuple[int, str], Told] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    gaps: int = 0
    slowed_down: int = 0
    commands: int = 0
    unacknowledged: int = 0
    reporting: bool = True
    beaten: Callable[[Terminal], None] = lambda _: None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    _position: int = 0
    _waiting: list[tuple[Terminal, _Payload]] = field(default_factory=list)

    @property
    def terminals(self) -> list[Terminal]:
        return [*self.masters, *(ea for many in self.followers.values() for ea in many)]

    async def connect(self, addresses: Sequence[tuple[str, int]], *, introduce: bool = True) -> None:
        """Connect everybody, in waves; the n-th terminal goes to the n-th address, and so on around."""
        waves = asyncio.Semaphore(WAVE)

        async def one(number: int, ea: Terminal) -> None:
            async with waves:
                await ea.connect(*addresses[number % len(addresses)])
                if introduce:
                    await ea.introduce()

        async with asyncio.TaskGroup() as group:
            for number, ea in enumerate(self.terminals):
                group.create_task(one(number, ea))

    async def part(self) -> None:
        """Everybody goes. A server that is stopped before it has heard of it would wait for them."""
        for ea in self.terminals:
            ea.close()
        await asyncio.gather(*(ea.closed() for ea in self.terminals))

    async def keep_beating(self) -> None:
        """Heartbeats of everybody, spread over the interval, until cancelled."""
        everybody = self.terminals
        step = max(1, round(BEAT_SECONDS / _SLICE))
        while True:
            for turn in range(step):
                for ea in everybody[turn::step]:
                    ea.beat()
                await asyncio.sleep(_SLICE)

    # Trading ---------------------------------------------------------------------------------------------------------

    def open(self, master: Terminal) -> tuple[int, Told]:
        """The master opens a position."""
        self._position += 1
        number = self._position
        return number, self._intend(
            master, "open", number, '"side":"buy","lots":"0.01","price":"1.10000","sl":"1.05000","tp":"1.20000"'
        )

    def close(self, master: Terminal, position: int) -> Told:
        """The master closes it."""
        return self._intend(
            master, "close", position, '"lots":"0.01","price":"1.10010","profit":"0.1","close_reason":"manual"'
        )

    def _intend(self, master: Terminal, action: str, position: int, what: str) -> Told:
        followers = len(self.followers[master.name])
        told = self.told[position, action] = Told(action, followers, time.perf_counter())
        self.unacknowledged += 1 + followers
        self.settled.clear()
        master.send_numbered(
            "OrderIntent",
            f'{{"action":"{action}","position_id":{position},"ticket":{position},"symbol":"EURUSD",{what},'
            '"balance":"1000000","equity":"1000000","age_ms":1}',
        )
        return told

    def received(self, ea: Terminal, command: _Payload) -> None:
        """A follower has received a command."""
        told = self.told.get((command.position_id, command.action))
        if told is not None:
            told.last_at = time.perf_counter()
            told.left -= 1
            if not told.left:
                told.done.set()
                del self.told[command.position_id, command.action]
        self.commands += 1
        if self.reporting:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._report)
            self._waiting.append((ea, command))

    def _report(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ea, command in waiting:
            ea.report(command)

    def acknowledged(self, many: int) -> None:
        """So many durable frames are stored."""
        self.unacknowledged -= many
        if self.unacknowledged <= 0:
            self.settled.set()

    def check(self) -> None:
        """A figure of a run in which something went wrong is none.

        :raises RuntimeError: with what went wrong
        """
        if self.troubles:
            raise RuntimeError(f"{len(self.troubles)} troubles, the first: {self.troubles[:5]}")


def make_load(names: Iterable[Sequence[tuple[str, str]]]) -> Load:
    """A load of (name, token) lists: of each the master first, then its followers."""
    load = Load()
    for master, *followers in names:
        load.masters.append(Terminal(load, *master))
        load.followers[master[0]] = [Terminal(load, *follower) for follower in followers]
    return load
