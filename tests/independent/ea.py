"""An EA by docs/protocol.md: what it remembers on disk, how it talks, and how a follower carries out its orders."""

import asyncio
import contextlib
import random
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx

from tests.independent.broker import ZERO, Broker, NoAnswer, Position, Refusal
from tests.independent.links import Cut, Exchange, Frame, Link, Socket, frame

SYMBOL: Final = {
    "name": "EURUSD", "digits": 5, "contract_size": "100000", "lots_min": "0.01", "lots_step": "0.01",
    "lots_max": "50", "tick_size": "0.00001", "tick_value": "1", "calculation_mode": "forex",
}  # fmt: skip
SEARCH: Final = 2.0  # seconds for which a lost order is looked for; the gateway of these tests is told the same
SENDS: Final = 3
LOOK: Final = 0.2


@dataclass
class Disk:
    """What survives the terminal: its ledger of commands, its outbox, and who it is.

    `commands`: by number, (frame payload, state): `new`, `sent`, `doubt`, `done`. `sends`: openings sent, by copy.
    """

    installation: str = field(default_factory=lambda: secrets.token_hex(8))
    epoch: str | None = None
    have: int = 0
    have_id: str | None = None
    commands: dict[int, list[Any]] = field(default_factory=dict)
    outbox: list[Frame] = field(default_factory=list)
    sends: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    refusals: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def applied(self) -> int:
        """The highest number up to which every command has its outcome in the outbox, or behind it."""
        number = 0
        while number < self.have:
            entry = self.commands.get(number + 1)
            if entry is not None and entry[1] != "done":
                break
            number += 1
        return number


class Ea:
    """One terminal, from its start to its end. `findings`: what a gateway should never have told it."""

    def __init__(self, url: str, account: str, key: str, broker: Broker, disk: Disk, rng: random.Random) -> None:
        self._api = f"{url}/ea-gateway/v1"
        self._account, self._key = account, key
        self.broker, self.disk, self._rng = broker, disk, rng
        self.by_socket = rng.random() < 0.5
        self.findings: list[str] = []
        self.log: list[str] = []
        self.ready = asyncio.Event()
        self._http = httpx.AsyncClient()
        self._session: Frame | None = None
        self._link: Link | None = None
        self._plain: list[Frame] = []
        self._sent = self._stored = 0
        self._greeted = False
        self._again_at = 0.0
        self._beat_at = 0.0
        self._pace = 1.0
        self._queues: dict[int, asyncio.Queue[int]] = {}
        self._parts: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # Life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: go on with what the ledger has not finished, and talk."""
        self._spawn(self._talk())
        for number, (_, state) in sorted(self.disk.commands.items()):
            if state != "done":
                self._enqueue(number)

    async def is_ready(self, seconds: float) -> bool:
        """Whether InitAck comes within that time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ready.wait(), seconds)
        return self.ready.is_set()

    async def kill(self) -> None:
        """The terminal is gone, in the middle of whatever it did. Its broker goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._link is not None:
            await self._link.close()
        await self._http.aclose()

    async def cut(self) -> None:
        """The cable is cut; the terminal goes on."""
        if isinstance(self._link, Socket):
            await self._link.close()
        else:
            self.by_socket = True  # leaves the exchange for the socket, within the session
            self._link = None

    async def ask_commands(self) -> None:
        """Note what the gateway says of this account's commands, for who looks for the cause of a difference."""
        if self._session is None:
            return
        address = f"{self._api}/sessions/{self._session['session_id']}/commands?limit=200"
        headers = {"Authorization": f"Bearer {self._session['session_token']}"}
        answer = await self._http.get(address, headers=headers)
        self.log += [f"as the gateway has it: {item}" for item in answer.json().get("items", [answer.text])]

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.findings.append(f"the EA of {self.broker.name} failed: {task.exception()!r}")

    # Talking ------------------------------------------------------------------------------------------------------

    def say(self, kind: str, payload: Frame) -> None:
        """A frame without a number."""
        self._plain.append(frame(kind, payload))

    def durable(self, kind: str, payload: Frame) -> None:
        """A numbered frame: on disk before it is sent."""
        top = self.disk.outbox[-1]["seq"] if self.disk.outbox else self._stored
        self.disk.outbox.append(frame(kind, payload, seq=top + 1))

    async def _talk(self) -> None:
        while True:
            try:
                await self._swap()
            except Cut as cut:
                self.log.append(f"cut: {cut}")
                self._link, self._greeted = None, False
                if cut.over:
                    self._session = None
                await asyncio.sleep(self._rng.uniform(0.1, 0.5))

    async def _swap(self) -> None:
        link = self._link or await self._connect()
        now = time.monotonic()
        if self._greeted and now >= self._beat_at:
            self._beat_at = now + self._pace
            self.say("StatusHeartbeat", {**self._funds(), "connected": True})
        frames, self._plain = self._plain, []
        if self._greeted and now >= self._again_at:
            waiting = [item for item in self.disk.outbox if item["seq"] > self._sent][:50]
            self._sent = waiting[-1]["seq"] if waiting else self._sent
            frames += waiting
        heard, stored = await link.swap(frames, self.disk.have)
        for one in heard:
            self._hear(one)
        if stored is not None and self._greeted:
            self._settle(stored)

    async def _connect(self) -> Link:
        if self._session is None:
            self._session = await self._open_session()
        self._link = link = await Socket.open(self._session) if self.by_socket else Exchange(self._session, self._http)
        self._greeted = False
        disk = self.disk
        self._plain = []
        hello = {"installation_id": disk.installation, "epoch": disk.epoch, "last_server_seq": disk.have}
        self.say("Hello", {**hello, "last_server_id": disk.have_id, "ledger_head": disk.have})
        return link

    async def _open_session(self) -> Frame:
        body = {"account_id": self._account, "auth_method": "account_session_key", "auth_key": self._key}
        try:
            answer = await self._http.post(f"{self._api}/sessions", json={**body, "platform": "sdk"}, timeout=20)
        except httpx.HTTPError as error:
            raise Cut(repr(error)) from error
        if answer.status_code != 201:
            raise Cut(answer.text[:200])
        # Numbers belong to the session, ids to the frame: what was not acknowledged is numbered anew.
        for number, item in enumerate(self.disk.outbox, start=1):
            item.update(seq=number, resent=True)
        self._stored = self._sent = 0
        session: Frame = answer.json()
        self._pace = session["heartbeat"]["interval_seconds"]
        return session

    def _funds(self) -> Frame:
        return {"balance": str(self.broker.balance), "equity": str(self.broker.balance)}

    def _settle(self, stored: int) -> None:
        self._stored = max(self._stored, stored)
        self.disk.outbox = [item for item in self.disk.outbox if item["seq"] > stored]

    def _hear(self, one: Frame) -> None:
        kind, payload = one["type"], one["payload"]
        if kind == "Ack":
            for refused in payload.get("refused") or []:
                if refused["final"]:
                    self.findings.append(f"{self.broker.name}: {refused['code']} of frame {refused['seq']}")
                else:
                    self._send_again(1)
            self._settle(payload["ack"])
        elif one.get("ack") is not None and self._greeted:
            self._settle(one["ack"])
        hear = getattr(self, f"_hear_{kind}", None)
        if hear is not None:
            hear(one, payload)

    def _send_again(self, seconds: float) -> None:
        self._sent, self._again_at = self._stored, time.monotonic() + seconds

    def _hear_SessionState(self, one: Frame, payload: Frame) -> None:  # noqa: N802 - by the frame's name
        if payload["status"] != "authenticated":
            self.log.append(f"{payload['status']}: {payload.get('reason')}")
            return
        if payload["epoch"] != self.disk.epoch:
            self.disk.epoch, self.disk.have, self.disk.have_id = payload["epoch"], 0, None
        if not self._greeted:
            self._greeted = True
            self._sent = payload.get("stored_seq", 0)
            self._settle(self._sent)
            self.say("InitRequest", {"platform": "sdk", "currency": "USD", "symbols": [SYMBOL], **self._funds(),
                                     "capabilities": ["ticket"]})  # fmt: skip

    def _hear_InitAck(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        self.ready.set()

    def _hear_TestRequest(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        self._beat_at = 0.0

    def _hear_ErrorAlert(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        self.log.append(f"alert {payload['code']}")
        if payload.get("retryable"):
            self._send_again((payload.get("retry") or {}).get("after_seconds") or 1)

    def _hear_ResendRequest(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        self._sent = min(self._sent, payload["from"] - 1)

    def _hear_ShutdownNotice(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        if payload.get("phase", "notice") == "notice":
            self.say("ShutdownNotice", {"reason": payload["reason"], "phase": "ack", "last_seq": self._sent})

    def _hear_SyncSnapshot(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        if payload["phase"] != "request":
            return
        held = [
            {"ticket": item.ticket, "symbol": item.symbol, "side": item.side, "lots": str(item.lots), "price": "1.1",
             "sl": str(item.sl), "tp": str(item.tp), "magic": item.magic, "parent_ticket": item.parent}
            for item in self.broker.positions.values()
        ]  # fmt: skip
        applied = self.disk.applied
        quotes = [{"symbol": "EURUSD", "bid": "1.10000", "ask": "1.10002"}]
        self.say("SyncSnapshot", {"phase": "report", "request_id": payload["request_id"], "positions": held,
                                  "applied_server_seq": applied, "quotes": quotes, "hash": secrets.token_hex(8),
                                  "connected": True, **self._funds()})  # fmt: skip

    def _hear_GapFill(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        if one["seq"] > self.disk.have + 1:
            self.say("ResendRequest", {"from": self.disk.have + 1, "to": min(one["seq"] - 1, self.disk.have + 200)})
            return
        if payload["next"] - 1 > self.disk.have:
            self.disk.have, self.disk.have_id = payload["next"] - 1, None

    def _hear_OrderCommand(self, one: Frame, payload: Frame) -> None:  # noqa: N802
        disk, number = self.disk, one["seq"]
        if number > disk.have + 1:
            self.say("ResendRequest", {"from": disk.have + 1, "to": min(number - 1, disk.have + 200)})
        if number != disk.have + 1:
            return
        disk.commands[number] = [payload, "new"]
        disk.have, disk.have_id = number, one["id"]
        self.say("Ack", {"ack": number})
        self.log.append(f"#{number} {payload['action']} copy {payload['copy_no']} attempt {payload.get('attempt', 1)}"
                        f" -> {payload['lots_after']}")  # fmt: skip
        self._enqueue(number)

    # Carrying out: in order per copy -------------------------------------------------------------------------------

    def _enqueue(self, number: int) -> None:
        copy_no = self.disk.commands[number][0]["copy_no"]
        if copy_no not in self._queues:
            self._queues[copy_no] = asyncio.Queue()
            self._spawn(self._work(self._queues[copy_no]))
        self._queues[copy_no].put_nowait(number)

    async def _work(self, queue: "asyncio.Queue[int]") -> None:
        while True:
            number = await queue.get()
            command, state = self.disk.commands[number]
            verb: Callable[[int, Frame], Awaitable[None]] = getattr(self, f"_do_{command['action']}")
            if state == "new":
                await verb(number, command)
            else:  # nobody knows: the terminal ended in the middle
                await self._doubt(number, command)

    def _report(self, number: int, *, done: bool = True, **fields: Any) -> None:
        command = self.disk.commands[number][0]
        told = {key: str(value) if isinstance(value, Decimal) else value for key, value in fields.items()}
        named = {"command_id": command["command_id"], "command_seq": number, "copy_no": command["copy_no"]}
        self.durable("ExecutionReport", {**named, "attempt": command.get("attempt", 1), **told, **self._funds()})
        self.log.append(f"#{number} {told}")
        if done:
            self.disk.commands[number][1] = "done"

    async def _doubt(self, number: int, command: Frame) -> None:
        """Ask the broker: what opens stands in the way of its copy, a part in the way of other parts."""
        self.disk.commands[number][1] = "doubt"
        searching = self._spawn(self._search(number, command))
        if command["action"] == "open":
            await searching
        elif command["action"] == "partial_close":
            self._parts[command["copy_no"]] = searching

    async def _search(self, number: int, command: Frame) -> None:
        told, until = False, time.monotonic() + SEARCH
        while True:
            late = time.monotonic() >= until
            found = self._look(command)
            if found is not None:
                await self._tell_found(number, found, found=True)
                return
            if late:
                self._report(number, status="unknown", found=False)
                return
            if not told:
                self._report(number, done=False, status="unknown")
                told = True
            await asyncio.sleep(LOOK)

    def _look(self, command: Frame) -> Position | Frame | None:
        """What the broker has of a command's target; None if that is not reached."""
        magic, after = command["magic"], Decimal(command["lots_after"])
        held = self.broker.of_magic(magic)
        if command["action"] == "open":
            past = self.broker.past(magic)
            if held or past is None:
                return held[0] if held else None
            return {"status": "filled", "ticket": past, "lots": command["lots"], "price": command.get("price", "1.1")}
        if command["action"] == "modify":
            same = [item for item in held if (item.sl, item.tp) == _stops(command)]
            return {"status": "modified", "sl": str(same[0].sl), "tp": str(same[0].tp)} if same else None
        left = sum((item.lots for item in held), ZERO)
        if left > after:
            return None
        return {"status": "closed", "remaining_lots": str(left), **({"ticket": held[0].ticket} if held else {})}

    async def _tell_found(self, number: int, what: Position | Frame, **more: Any) -> None:
        """Report what the broker turned out to have."""
        if isinstance(what, Position):
            await self._tell_open(number, what, already=True, **more)
        else:
            self._report(number, already=True, **what, **more)

    async def _tell_open(self, number: int, held: Position, **more: Any) -> None:
        """Report a fill, part by part if it comes in parts."""
        common = {"ticket": held.ticket, "price": "1.10000", "side": held.side, **more}
        lots = held.lots
        while held.filling:
            self._report(number, done=False, status="partially_filled", lots=held.lots, **common)
            await asyncio.sleep(LOOK)
            now = self.broker.positions.get(held.ticket)
            if now is None:
                break
            held, lots = now, now.lots
        self._report(number, status="filled", lots=lots, **common)

    async def _do_open(self, number: int, command: Frame) -> None:
        disk, magic, copy_no = self.disk, command["magic"], command["copy_no"]
        there = await self._sent_before(command)
        if there is not None:
            await self._tell_found(number, there)
            return
        if command.get("valid_until") and datetime.fromisoformat(command["valid_until"]) <= datetime.now(UTC):
            self._report(number, status="expired")
            return
        if disk.sends[copy_no] - disk.refusals[copy_no] >= SENDS:
            self._report(number, status="rejected")
            return
        disk.commands[number][1], disk.sends[copy_no] = "sent", disk.sends[copy_no] + 1
        sl, tp = _stops(command)
        order = Position(0, command["symbol"], command["side"], Decimal(command["lots"]), sl, tp, magic)
        try:
            found = await self.broker.open(order)
        except Refusal as refusal:
            disk.refusals[copy_no] += 1
            self._report(number, status="rejected", error_code=refusal.code)
        except NoAnswer:
            await self._doubt(number, command)
        else:
            await self._tell_open(number, found)

    async def _sent_before(self, command: Frame) -> Position | Frame | None:
        """What an earlier opening order of this copy has led to; it is looked for as long as one may still fill."""
        sends, refused = self.disk.sends[command["copy_no"]], self.disk.refusals[command["copy_no"]]
        for _ in range(int(SEARCH / LOOK) if sends > refused else 0):
            if (found := self._look(command)) is not None:
                return found
            await asyncio.sleep(LOOK)
        return self._look(command)

    async def _do_modify(self, number: int, command: Frame) -> None:
        held = self.broker.of_magic(command["magic"])
        if not held:
            self._report(number, status="rejected", error_code=4108)
            return
        sl, tp = _stops(command)
        self.disk.commands[number][1] = "sent"
        try:
            for item in held:
                await self.broker.modify(item.ticket, sl, tp)
        except Refusal as refusal:
            self._report(number, status="rejected", error_code=refusal.code)
        except NoAnswer:
            await self._doubt(number, command)
        else:
            self._report(number, status="modified", sl=sl, tp=tp)

    async def _do_partial_close(self, number: int, command: Frame) -> None:
        before = self._parts.pop(command["copy_no"], None)
        if before is not None:
            await before
        await self._reduce(number, command, Decimal(command["lots_after"]))

    async def _do_close(self, number: int, command: Frame) -> None:
        await self._reduce(number, command, ZERO)

    async def _reduce(self, number: int, command: Frame, after: Decimal) -> None:
        held = self.broker.of_magic(command["magic"])
        if command.get("ticket"):
            held = [item for item in held if item.ticket == command["ticket"]]
        left = sum((item.lots for item in held), ZERO)
        if left <= after:
            named: Frame = {"ticket": held[0].ticket} if held else {}
            self._report(number, status="closed", already=True, remaining_lots=left, **named)
            return
        self.disk.commands[number][1] = "sent"
        new, first = None, held[0].ticket
        try:
            for item in held:
                part = min(item.lots, left - after) if after else item.lots
                _, new = await self.broker.close(item.ticket, part)
        except Refusal as refusal:
            self._report(number, status="rejected", error_code=refusal.code)
        except NoAnswer:
            await self._doubt(number, command)
        else:
            more: Frame = {"new_ticket": new} if new else {}
            self._report(number, status="closed", ticket=first, lots=left - after, remaining_lots=after, price="1.1",
                         profit="0", **more)  # fmt: skip

    # What its owner does -------------------------------------------------------------------------------------------

    def tell_close(self, gone: Position) -> None:
        """A fact: a position of ours was closed by hand."""
        self.durable("ExecutionReport", {"status": "closed", "cause": "manual", "ticket": gone.ticket,
                                         "lots": str(gone.lots), "remaining_lots": "0", "price": "1.1",
                                         "profit": "0"})  # fmt: skip

    def tell_part(self, ticket: int, lots: Decimal, left: Decimal, new: int | None) -> None:
        """A fact: a part was closed by hand."""
        self.durable("ExecutionReport", {"status": "closed", "cause": "manual", "ticket": ticket, "lots": str(lots),
                                         "remaining_lots": str(left), "new_ticket": new, "price": "1.1",
                                         "profit": "0"})  # fmt: skip


def _stops(command: Frame) -> tuple[Decimal, Decimal]:
    return Decimal(command.get("sl") or 0), Decimal(command.get("tp") or 0)
