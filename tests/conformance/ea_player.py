"""An account that is run by the EA in a simulated terminal, and that can die at any point and begin again."""

import asyncio
import itertools
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from eagateway_sdk.paper import Fault

from ea.host.sim.broker import Answer, Broker
from tests import tap
from tests.conformance.ea_journal import Journal, append
from tests.conformance.house import OwnHouse, Role
from tests.conformance.players import Heard, Point
from tests.conformance.sdk_player import until
from tests.conformance.stage import Stage
from tests.ea.seats import PROGRAM_OF, Seat, kept, program

WAYS: Final = {"socket": "socket", "exchange": "calls"}
SOCKET_ONLY: Final = 1
HURRY: Final = "20"  # a search of a minute takes three seconds
REMOVED: Final = 1
DEATHS: Final[dict[Point, str]] = {"received": "R 100", "before": "S 100", "after": "D 0", "report": "D 100"}
"""In the writing of which record, and how much of it is written, in percent."""
TELLING: Final = {
    "before its outbox line": "O 0",
    "after its outbox line": "O 100",
    "after the gateway stored it": "A 0",
}
PREEMPTED: Final = "EA Gateway: link ended, 4409"
_numbers: Final = itertools.count(1)


@dataclass(slots=True)
class RecordingBroker(Broker):
    """A broker who knows what was executed: `executed`, in order, in the words of the protocol."""

    executed: list[str] = field(default_factory=list)

    def _carry_out(self, words: tuple[str, ...]) -> str:
        name = self._name(words)
        answer = Broker._carry_out(self, words)
        if answer.startswith("ok"):
            self.executed.append(name)
        return answer

    def _name(self, words: tuple[str, ...]) -> str:
        if words[0] == "send":
            return "open" if int(words[2]) < 2 else "place"
        if words[0] == "close":
            position = self.book.open.get(int(words[1]))
            return "close" if position is not None and position.lots == Decimal(words[2]) else "partial_close"
        return {"delete": "cancel"}.get(words[0], words[0])


def compiled(transport: str, platform: str = "mt4") -> Path:
    """The program that speaks so."""
    return program(PROGRAM_OF[WAYS[transport]], platform=platform)


class EaPlayer:
    """One account: its broker's book outlives the programs; so does what they write down in `folder`."""

    def __init__(self, stage: Stage, role: Role, folder: Path, *, platform: str = "mt4") -> None:
        self._stage, self.role = stage, role
        folder.mkdir(exist_ok=True)
        way = WAYS[stage.transport]
        inputs = {"Transport": SOCKET_ONLY} if way == "socket" else {}
        self.broker = RecordingBroker()
        self.broker.book.balance = Decimal(20_000 + next(_numbers))
        self._seat = Seat(
            stage.house.url, role.account_id, role.key, folder / "terminal", inputs=inputs, way=way, broker=self.broker,
            platform=platform,
        )  # fmt: skip
        self._sentence, self._lost = folder / "die", folder / "lost"
        assert isinstance(stage.house, OwnHouse)
        assert stage.house.gateway.process is not None
        self._tap = Path(os.environ[tap.FOLDER_VARIABLE]) / f"{stage.house.gateway.process.pid}.jsonl"
        self._tapped = self._tap.stat().st_size if self._tap.exists() else 0

    # Programs ------------------------------------------------------------------------------------------------------

    async def start(
        self, *, halt: Point | None = None, faults: dict[int, Fault] | None = None, silent: bool = False,
        hurried: bool = False, patient: bool = False,
    ) -> Seat:  # fmt: skip
        """`silent` needs nothing: what came with an answer is acknowledged by the next call, before which it dies.
        It is patient by itself."""
        given = faults or {}
        self.broker.answers = [
            Answer(given[number].code, executed=given[number].executed) if number in given else Answer(0)
            for number in range(1, max(given, default=0) + 1)
        ]
        rate = {"MQL_CLOCK_RATE": HURRY} if hurried else {}
        self._seat.start(MQL_DIE_FILE=str(self._sentence), MQL_DROP_FILE=str(self._lost), **rate)
        await self._says("EA Gateway: LIVE as")
        await until(lambda: self._journal().watching)
        if halt is not None:
            self._die(DEATHS[halt])
        return self._seat

    async def abort(self) -> None:
        await asyncio.to_thread(self._seat.kill)

    async def leave(self) -> tuple[int, int]:
        """The EA's as the gateway's row has it, and the gateway's as its account has it."""
        session = kept(next(self._folder.glob("*.session"))).split("\t")[0]
        self._seat.terminal.remove(REMOVED)
        assert await asyncio.to_thread(self._seat.terminal.wait) == 0
        async with asyncio.timeout(30):
            while (row := await self._stage.house.rows("session", session_id=session))["state"] != "closed":
                pass
        assert row["close_reason"] == "shutdown_by_ea", row
        assert not list(self._folder.glob("*.session"))
        return row["stored_seq"], await self._stage.house.rows("acked_seq", account_id=self.role.account_id)

    async def halted(self, states: str) -> None:
        await asyncio.to_thread(self._seat.terminal.wait)
        await self.reaches(states)

    async def drained(self) -> None:
        await until(lambda: not self._busy())

    def _busy(self) -> bool:
        return bool(self._journal().waiting) or bool(self.unfinished())

    async def replaced(self) -> int:
        await self._says(PREEMPTED)
        await until(lambda: any("STOPPED - preempted" in line for line in self._seat.chart()))
        return int(PREEMPTED.split()[-1])

    async def lives(self) -> None:
        beats = len(self._beats())
        await until(lambda: len(self._beats()) > beats)

    async def first_beat(self) -> float:
        """The one that goes with the introduction tells when that was."""
        await until(lambda: len(self._beats()) > 1)
        introduced, first = self._beats()[:2]
        return first - introduced

    def _beats(self) -> list[float]:
        """When the gateway has received each of its heartbeats: the only ones that tell this balance."""
        mine = str(self.broker.book.balance)
        return [at for at, beat in self._received("StatusHeartbeat") if beat.get("balance") == mine]

    def _received(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """What the gateway has received of a kind since this account began, from everybody, and when."""
        with self._tap.open("rb") as file:
            file.seek(self._tapped)
            lines = [json.loads(line) for line in file.read().split(b"\n")[:-1] if kind.encode() in line]
        frames = [(at, json.loads(text)) for at, sender, text in lines if sender == tap.EA]
        return [(at, frame["payload"]) for at, frame in frames if frame["type"] == kind]

    def books(self) -> list[dict[str, Any]]:
        """The snapshots that it has told, where nobody else tells any."""
        return [book for _, book in self._received("SyncSnapshot") if book["phase"] == "report"]

    def whole_books(self, since: int) -> list[int]:
        """Of the books told since then those of which all parts were, by how many parts they have."""
        parts = self.books()[since:]
        told = {part["digest"]: part["of"] for part in parts}
        return [of for one, of in told.items() if of == sum(1 for part in parts if part["digest"] == one)]

    def unacknowledged(self) -> int:
        """How much of what it has told waits."""
        return len(self._journal().waiting)

    def announced(self) -> list[int]:
        """For how many milliseconds it has said that it would be busy, where nobody else says so."""
        beats = (beat for _, beat in self._received("StatusHeartbeat"))
        return [beat["busy_until_ms"] for beat in beats if beat.get("busy_until_ms")]

    def commands(self) -> list[dict[str, Any]]:
        """What the gateway has ordered, as the journal has it."""
        return [entry.payload for entry in self._journal().ordered()]

    def told(self) -> list[dict[str, Any]]:
        """Its reports and intents, as the journal has them."""
        return self._journal().told

    def close_by_hand(self, lots: str) -> None:
        """A part of the one position."""
        with self._seat.terminal.told.lock:
            self.broker.close(self._seat.open[0].ticket, lots)

    async def _says(self, beginning: str) -> None:
        said: Callable[[], list[str]] = self._seat.terminal.said
        await until(lambda: any(line.startswith(beginning) for line in said()))

    def _die(self, sentence: str) -> None:
        """In the next record of a kind. The program looks for the file at each write: it appears whole."""
        draft = self._sentence.with_suffix(".draft")
        draft.write_text(sentence)
        draft.replace(self._sentence)

    async def loses(self, text: str) -> None:
        """Return when a message with this text was lost on its socket."""
        self._lost.write_text(text)
        await until(lambda: not self._lost.exists())

    def close(self) -> None:
        """Nothing of it goes on, and no sanitizer has found anything."""
        self._seat.__exit__()

    # The journal, read and set as it stands on disk ------------------------------------------------------------------

    @property
    def _folder(self) -> Path:
        return self._seat.folder / "EAGateway"

    def _path(self) -> Path:
        return next(self._folder.glob("*.log"))

    def _journal(self) -> Journal:
        with suppress(StopIteration, FileNotFoundError):
            return Journal.read(self._path())
        return Journal()

    def heard(self, what: Heard) -> int:
        journal = self._journal()
        return {
            "repeated": journal.repeated, "gap fills": journal.gap_fills, "sessions": len(journal.sessions),
            "searched": sum(1 for report in journal.told if "found" in report),
            "in doubt": sum(1 for one in journal.told if one.get("status") == "unknown" and "found" not in one),
        }[what]  # fmt: skip

    def states(self) -> str:
        return "".join(entry.state for entry in self._journal().ordered())

    def command_ids(self) -> list[UUID]:
        return [UUID(entry.command_id) for entry in self._journal().ordered()]

    def unfinished(self) -> list[UUID]:
        return [UUID(entry.command_id) for entry in self._journal().ordered() if entry.state in "RS"]

    async def reaches(self, states: str) -> None:
        await until(lambda: self.states() == states)

    def forget_head(self) -> None:
        append(self._path(), "H", f"0 {self._journal().max_copy_no}")

    def receive_again(self) -> None:
        for entry in self._journal().ordered():
            if entry.state == "S":
                append(self._path(), "Q", f"{entry.command_id} {entry.attempt} 0")

    def delete_store(self) -> None:
        for path in self._folder.iterdir():
            path.unlink()

    # The broker ----------------------------------------------------------------------------------------------------

    def executed(self) -> list[str]:
        return list(self.broker.executed)

    def lots(self) -> list[Decimal]:
        return self._seat.lots()

    def working(self) -> int:
        return len(self._seat.working)

    async def fill(self, ticket: int) -> None:
        with self._seat.terminal.told.lock:
            self.broker.activate(self._seat.working[0].ticket)
        await until(lambda: self._journal().told[-1].get("status") == "filled")

    async def trade_and_die(self, ticket: int, point: str) -> None:
        """The ticket is the broker's own here."""
        self._die(TELLING[point])
        self.broker.open("buy", "0.10")
        await asyncio.to_thread(self._seat.terminal.wait)

    async def look_again(self, ticket: int, point: str) -> None:
        """Nobody need tell it: its list of trades shows the position."""
