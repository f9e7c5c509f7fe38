"""The command ledger: what the gateway ordered, and how far we came. It makes "at most once" survive a kill.

State R: received, durable before it is acknowledged. S: being sent to the broker, durable before the executor is
called; found in this state after a start, the broker is asked and nothing is sent. S with reports: in doubt, and the
gateway was told so. D: done, in one transaction with its report's outbox row. V: void, never to be executed (withdrawn
by the gateway, or left over from a former epoch).

The order of commands is kept per copy: an order in doubt stands in the way of its own copy only. Every command has a
row of its own, so what was done out of order is known after a restart; `head` and `applied` are watermarks below which
nothing is missing, not a list of what was done.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from eagateway_sdk.clock import Clock, Moment
from eagateway_sdk.frames import Action, OrderCommand
from eagateway_sdk.journal import Journal

OPENS: Final = frozenset({Action.OPEN, Action.PLACE})
_BECOMES_A_POSITION: Final = OPENS | {Action.ACTIVATE}
_KEEP_MS: Final = 60 * 24 * 3600 * 1000
_SELECT: Final = "SELECT epoch, seq, frame_id, state, reports, payload, monotonic_ms, wall_ms, boot FROM ledger WHERE "
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS ledger(
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, frame_id TEXT NOT NULL, command_id TEXT NOT NULL,
    attempt INTEGER NOT NULL, copy_no INTEGER NOT NULL, state TEXT NOT NULL, reports TEXT NOT NULL,
    payload BLOB NOT NULL, monotonic_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, boot TEXT NOT NULL,
    PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS ledger_by_command ON ledger(command_id, attempt);
CREATE INDEX IF NOT EXISTS ledger_unfinished ON ledger(state) WHERE state IN ('R', 'S');
CREATE TABLE IF NOT EXISTS tries(
    copy_no INTEGER NOT NULL, position_id INTEGER NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (copy_no, position_id, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head(
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, seq INTEGER NOT NULL, frame_id TEXT NOT NULL,
    max_copy_no INTEGER NOT NULL
);
INSERT OR IGNORE INTO head VALUES (1, '', 0, '', 0);
"""


class State(StrEnum):
    RECEIVED = "R"
    SENDING = "S"
    DONE = "D"
    VOID = "V"


@dataclass(slots=True)
class Entry:
    """One command. `reports` are the ids of the frames that answered it; `since` the moment of its present state, and
    in doubt the moment from which nothing was sent any more."""

    epoch: str
    seq: int
    frame_id: str
    state: State
    reports: tuple[str, ...]
    command: OrderCommand
    since: Moment

    @property
    def key(self) -> tuple[str, int]:
        """Its place in the log: epoch and number."""
        return self.epoch, self.seq

    @property
    def opens(self) -> bool:
        """Whether it adds exposure."""
        return self.command.action in OPENS


class Ledger:
    """`head` is the highest number of the gateway's log up to which nothing is missing here, `head_id` its frame's id
    ("" when the number was filled); `durable_head` is the part that may be acknowledged."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._unfinished: deque[Entry] = deque()
        self._sent: dict[tuple[str, int], Entry] = {}
        self.epoch = self.head_id = ""
        self.head = self.durable_head = self.max_copy_no = 0
        journal.define(_TABLES)
        self.load()

    def load(self) -> None:
        """Read everything from the file again, as after a start."""
        epoch, seq, frame_id, copy_no = self._journal.read("SELECT epoch, seq, frame_id, max_copy_no FROM head")[0]
        self.epoch, self.head_id = str(epoch), str(frame_id)
        self.head = self.durable_head = int(str(seq))
        self.max_copy_no = int(str(copy_no))
        rows = self._journal.read(_SELECT + "state IN ('R', 'S') ORDER BY seq")
        self._unfinished = deque(_entry(row) for row in rows)
        self._sent = {entry.key: entry for entry in self._unfinished if entry.state is State.SENDING}

    def forget_old(self) -> None:
        """Drop what ended 60 days ago or earlier."""
        limit = self._clock.now().wall_ms - _KEEP_MS
        self._journal.write("DELETE FROM ledger WHERE state IN ('D', 'V') AND wall_ms < ?", (limit,))
        self._journal.write("DELETE FROM tries WHERE (epoch, seq) NOT IN (SELECT epoch, seq FROM ledger)")

    def __len__(self) -> int:
        return len(self._unfinished)

    def adopt_epoch(self, epoch: str) -> int:
        """Begin a new log at number 1; returns how many commands of the former one were dropped unexecuted."""
        waiting = [entry for entry in self._unfinished if entry.state is State.RECEIVED]
        for entry in waiting:
            self._move(entry, State.VOID)
        self._unfinished = deque(entry for entry in self._unfinished if entry.state is State.SENDING)
        self.epoch, self.head, self.durable_head, self.head_id = epoch, 0, 0, ""
        self._keep_head()
        return len(waiting)

    def receive(self, *, seq: int, frame_id: UUID, command: OrderCommand) -> Entry | None:
        """Write the next command as received; None when it is known already, under another number."""
        self._advance(seq, str(frame_id))
        self.max_copy_no = max(self.max_copy_no, command.copy_no)
        known = self.find(command)
        if known is None:
            entry = Entry(
                self.epoch, seq, str(frame_id), State.RECEIVED, (), command, self._clock.now()
            )  # fmt: skip
            self._insert(entry)
        elif known.state is State.VOID and known.epoch != self.epoch:
            entry = self._revive(known, seq, str(frame_id))
        else:
            self._keep_head()
            return None
        self._unfinished.append(entry)
        self._keep_head()
        return entry

    def reopen(self, known: Entry, *, seq: int, frame_id: UUID) -> None:
        """A command done under a former epoch came again, and its reports are gone: the broker will be asked."""
        self._journal.write("DELETE FROM ledger WHERE epoch = ? AND seq = ?", (known.epoch, known.seq))
        entry = Entry(self.epoch, seq, str(frame_id), State.SENDING, (), known.command, self._clock.now())
        self._insert(entry)
        self._unfinished.append(entry)
        self._sent[entry.key] = entry

    def skip(self, *, following: int) -> None:
        """Consume numbers that carry nothing, up to but not including `following`."""
        self._advance(following - 1, "")
        self._keep_head()

    def void(self, first: int, last: int) -> int:
        """Withdraw the commands `first`..`last` that were not begun; returns how many."""
        chosen = [
            entry
            for entry in self._unfinished
            if entry.state is State.RECEIVED and entry.epoch == self.epoch and first <= entry.seq <= last
        ]
        for entry in chosen:
            self._move(entry, State.VOID)
            self._unfinished.remove(entry)
        return len(chosen)

    def known(self, seq: int) -> Entry | None:
        """The entry under this number of the present log, or None."""
        rows = self._journal.read(_SELECT + "epoch = ? AND seq = ?", (self.epoch, seq))
        return _entry(rows[0]) if rows else None

    def find(self, command: OrderCommand) -> Entry | None:
        """The entry of this command and attempt under whatever number, or None."""
        key = (str(command.command_id), command.attempt)
        rows = self._journal.read(_SELECT + "command_id = ? AND attempt = ?", key)
        return _entry(rows[0]) if rows else None

    @property
    def applied(self) -> int:
        """The highest number of the present log up to which every command has its outcome.

        What was done beyond it, because it concerns other copies, does not raise it.
        """
        waiting = (entry.seq for entry in self._unfinished if entry.epoch == self.epoch)
        return min(waiting, default=self.head + 1) - 1

    def ready(self) -> Iterator[Entry]:
        """The oldest command of each copy that was not begun and that no doubt holds up, oldest first."""
        seen: set[int] = set()
        for entry in self._unfinished:
            copy_no = entry.command.copy_no
            if entry.state is State.RECEIVED and copy_no not in seen:
                seen.add(copy_no)
                if not any(_holds_up(sent.command, entry.command) for sent in self._sent.values()):
                    yield entry

    def in_doubt(self) -> list[Entry]:
        """Commands whose sending came to no outcome, oldest first; the one that is just being sent is among them."""
        return list(self._sent.values())

    @property
    def sending(self) -> bool:
        """Whether a command was begun and nothing was reported of it yet."""
        return any(not entry.reports for entry in self._sent.values())

    def unfinished(self) -> list[OrderCommand]:
        """Commands without an outcome, in order."""
        return [entry.command for entry in self._unfinished]

    def tries(self, command: OrderCommand) -> int:
        """How many orders to open this copy were sent, without a refusal of the broker that proves them void."""
        key = (command.copy_no, command.position_id)
        rows = self._journal.read("SELECT COUNT(*) FROM tries WHERE copy_no = ? AND position_id = ?", key)
        return int(str(rows[0][0]))

    def begin(self, entry: Entry) -> None:
        """Write S. The executor may be called only when this is durable."""
        self._move(entry, State.SENDING)
        self._sent[entry.key] = entry
        if entry.opens:
            self._journal.write("INSERT OR IGNORE INTO tries VALUES (?,?,?,?)", _try(entry))

    def doubt(self, entry: Entry) -> None:
        """The sending has just ended without an outcome: the search begins at this moment."""
        self._move(entry, State.SENDING)

    def tell(self, entry: Entry, reports: tuple[str, ...]) -> None:
        """Write that the gateway was told of the doubt, with the reports' outbox rows; its search goes on."""
        entry.reports += reports
        self._write(entry)

    def finish(self, entry: Entry, reports: tuple[str, ...], *, refused: bool = False) -> None:
        """Write D with the ids of its reports, in the transaction that also holds their outbox rows.

        `refused`: the broker has refused it, so that it counts as no try.
        """
        entry.reports += reports
        self._move(entry, State.DONE)
        if refused and entry.opens:
            self._journal.write(
                "DELETE FROM tries WHERE copy_no = ? AND position_id = ? AND epoch = ? AND seq = ?", _try(entry)
            )
        self._unfinished.remove(entry)
        self._sent.pop(entry.key, None)

    def _move(self, entry: Entry, state: State) -> None:
        entry.state, entry.since = state, self._clock.now()
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        self._journal.write(
            "UPDATE ledger SET state = ?, reports = ?, monotonic_ms = ?, wall_ms = ?, boot = ? "
            "WHERE epoch = ? AND seq = ?",
            (entry.state.value, " ".join(entry.reports), *entry.since, *entry.key),
        )

    def _advance(self, seq: int, frame_id: str) -> None:
        self.head, self.head_id = seq, frame_id

    def _keep_head(self) -> None:
        self._journal.write(
            "UPDATE head SET epoch = ?, seq = ?, frame_id = ?, max_copy_no = ?",
            (self.epoch, self.head, self.head_id, self.max_copy_no),
        )

    def _insert(self, entry: Entry) -> None:
        command = entry.command
        key = (entry.epoch, entry.seq, entry.frame_id, str(command.command_id), command.attempt, command.copy_no)
        self._journal.write(
            "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (*key, entry.state.value, "", msgspec.json.encode(command), *entry.since),
        )

    def _revive(self, known: Entry, seq: int, frame_id: str) -> Entry:
        """A command dropped with its epoch was ordered again under the new one."""
        self._journal.write("DELETE FROM ledger WHERE epoch = ? AND seq = ?", (known.epoch, known.seq))
        entry = Entry(self.epoch, seq, frame_id, State.RECEIVED, (), known.command, self._clock.now())
        self._insert(entry)
        return entry


_COMMAND: Final = msgspec.json.Decoder(OrderCommand)


def _try(entry: Entry) -> tuple[int, int, str, int]:
    return entry.command.copy_no, entry.command.position_id, *entry.key


def _holds_up(sent: OrderCommand, waiting: OrderCommand) -> bool:
    """Whether a doubt about `sent` holds up `waiting`: never of another copy.

    Nothing is known of a copy whose opening is in doubt. A part that may still be closed must not be closed twice. The
    rest says which state it should lead to, so that it does no harm when it reaches the broker late: a close waits for
    no doubt about a stop.
    """
    if sent.copy_no != waiting.copy_no:
        return False
    if sent.action is Action.PARTIAL_CLOSE:
        return waiting.action is Action.PARTIAL_CLOSE
    return sent.action in _BECOMES_A_POSITION


def _entry(row: tuple[object, ...]) -> Entry:
    epoch, seq, frame_id, state, reports, payload, *since = row
    assert isinstance(payload, bytes)
    moment = Moment(int(str(since[0])), int(str(since[1])), str(since[2]))
    return Entry(
        str(epoch), int(str(seq)), str(frame_id), State(str(state)), tuple(str(reports).split()),
        _COMMAND.decode(payload), moment,
    )  # fmt: skip
