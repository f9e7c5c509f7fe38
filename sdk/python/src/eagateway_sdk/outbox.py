"""Durable frames on their way to the gateway: written before they are sent, kept until they are acknowledged.

A frame keeps its id for ever; its number (`seq`) belongs to the session. The encoded payload without `age_ms` is what
the frame is; the age is written anew at every sending, from the moment when the fact was seen.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from eagateway_sdk.clock import Clock, Moment
from eagateway_sdk.envelope import MAX_FRAME_BYTES, FrameTooBig, payload_json, with_age
from eagateway_sdk.frames import ErrorAlert, ExecutionReport, OrderIntent
from eagateway_sdk.ids import uuid7
from eagateway_sdk.journal import Journal

DurableFrame = OrderIntent | ExecutionReport | ErrorAlert
_AGED: Final = frozenset({"OrderIntent", "ExecutionReport"})
_ENVELOPE_BYTES: Final = 512
_RECENT: Final = 256
_DECODERS: Final[Mapping[str, msgspec.json.Decoder[DurableFrame]]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in (OrderIntent, ExecutionReport, ErrorAlert)
}
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS outbox(
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL, type TEXT NOT NULL, payload BLOB NOT NULL,
    seen_monotonic_ms INTEGER NOT NULL, seen_wall_ms INTEGER NOT NULL, boot TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS outbox_by_seq ON outbox(seq);
CREATE TABLE IF NOT EXISTS numbering(one INTEGER PRIMARY KEY CHECK (one = 1), last_seq INTEGER NOT NULL);
INSERT OR IGNORE INTO numbering VALUES (1, 0);
"""


@dataclass(slots=True)
class Row:
    """One frame that the gateway has not acknowledged. `sent`: it may have been sent before, here or by an ancestor."""

    seq: int
    id: str
    type: str
    payload: bytes
    seen: Moment
    sent: bool = False


class Outbox:
    """Rows in order of their numbers, mirrored in memory.

    `last_seq` is the highest number given out in this session, `committed_seq` the highest that is durable and may be
    sent, `acked_seq` the highest that the gateway has confirmed.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._rows: dict[int, Row] = {}
        self._seq_by_id: dict[str, int] = {}
        self._recent: deque[Row] = deque(maxlen=_RECENT)
        self.last_seq = self.committed_seq = self.acked_seq = 0
        journal.define(_TABLES)
        self.load()

    def load(self) -> None:
        """Read everything from the file again, as after a start."""
        rows = self._journal.read(
            "SELECT seq, id, type, payload, seen_monotonic_ms, seen_wall_ms, boot FROM outbox ORDER BY seq"
        )
        self._rows = {row[0]: Row(*row[:4], seen=Moment(*row[4:]), sent=True) for row in rows}  # type: ignore[arg-type,misc]
        self._seq_by_id = {row.id: row.seq for row in self._rows.values()}
        floor = int(str(self._journal.read("SELECT last_seq FROM numbering")[0][0]))
        self.last_seq = self.committed_seq = max([floor, *self._rows])
        self.acked_seq = min(self._rows, default=self.last_seq + 1) - 1

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, frame: DurableFrame, *, frame_id: UUID | None = None) -> Row:
        """Number and write one frame, in the journal's open transaction. Its `age_ms` dates the moment it was seen.

        :raises FrameTooBig: more than 16 KiB
        :raises ValueError: a decimal is not finite
        :raises JournalFailed: the file cannot be written
        """
        kind = type(frame).__name__
        age_ms = getattr(frame, "age_ms", 0)
        payload = payload_json(msgspec.structs.replace(frame, age_ms=0) if age_ms else frame)
        if len(payload) > MAX_FRAME_BYTES - _ENVELOPE_BYTES:
            raise FrameTooBig(f"{kind} of {len(payload)} bytes")
        seen = self._clock.now(ago_ms=age_ms)
        row = Row(self.last_seq + 1, str(frame_id or uuid7()), kind, payload, seen)
        self._journal.write("INSERT INTO outbox VALUES (?,?,?,?,?,?,?)", (row.id, row.seq, kind, payload, *seen))
        self.last_seq = row.seq
        self._rows[row.seq] = row
        self._seq_by_id[row.id] = row.seq
        return row

    def commit(self, seq: int) -> None:
        """Everything up to `seq` is durable now and may be sent."""
        self.committed_seq = min(max(self.committed_seq, seq), self.last_seq)

    def acknowledge(self, seq: int) -> int:
        """Forget what the gateway has stored; returns how many frames that were."""
        if seq <= self.acked_seq:
            return 0
        top = min(seq, self.last_seq)
        gone = [self._rows.pop(number, None) for number in range(self.acked_seq + 1, top + 1)]
        self.acked_seq = top
        rows = [row for row in gone if row is not None]
        for row in rows:
            del self._seq_by_id[row.id]
        self._recent.extend(rows)
        self._journal.write("DELETE FROM outbox WHERE seq <= ?", (top,))
        self._keep_numbering()
        return len(rows)

    def drop(self, frame_id: str) -> Row | None:
        """Forget a frame that was refused for good; its number stays consumed.

        One whose number was acknowledged a moment ago is returned too: a refusal may come behind the acknowledgement.
        """
        seq = self._seq_by_id.pop(frame_id, None)
        if seq is None:
            return next((row for row in self._recent if row.id == frame_id), None)
        self._journal.write("DELETE FROM outbox WHERE id = ?", (frame_id,))
        self._keep_numbering()
        return self._rows.pop(seq)

    def renumber(self, *, after: int) -> None:
        """Number all waiting frames anew from `after` + 1, ids and order kept: a new session, or a server ahead."""
        rows = list(self._rows.values())
        self._journal.write("UPDATE outbox SET seq = -seq")
        for seq, row in enumerate(rows, start=after + 1):
            self._journal.write("UPDATE outbox SET seq = ? WHERE id = ?", (seq, row.id))
            row.seq = seq
        self._rows = {row.seq: row for row in rows}
        self._seq_by_id = {row.id: row.seq for row in rows}
        self.last_seq = self.committed_seq = after + len(rows)
        self.acked_seq = after
        self._keep_numbering()

    def following(self, seq: int) -> Row | None:
        """The first durable row behind `seq`, or None."""
        for number in range(max(seq, self.acked_seq) + 1, self.committed_seq + 1):
            row = self._rows.get(number)
            if row is not None:
                return row
        return None

    def between(self, first: int, last: int) -> Iterator[Row]:
        """Rows numbered `first`..`last` that are still here and durable, in order."""
        for number in range(first, min(last, self.committed_seq) + 1):
            row = self._rows.get(number)
            if row is not None:
                yield row

    def find(self, frame_id: str) -> Row | None:
        """The waiting frame with this id, or None."""
        seq = self._seq_by_id.get(frame_id)
        return self._rows[seq] if seq is not None else None

    def rows(self) -> list[Row]:
        """All waiting frames, in order."""
        return list(self._rows.values())

    def wire_payload(self, row: Row) -> bytes:
        """The payload with its age as of now."""
        return with_age(row.payload, self._clock.age_ms(row.seen)) if row.type in _AGED else row.payload

    def _keep_numbering(self) -> None:
        self._journal.write("UPDATE numbering SET last_seq = ?", (self.last_seq,))


def read_row(row: Row) -> DurableFrame:
    """The frame of a row as a struct."""
    return _DECODERS[row.type].decode(row.payload)
