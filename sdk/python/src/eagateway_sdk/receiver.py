"""The gateway's numbered frames: taken in order, written down, then acknowledged; gaps are asked for."""

import logging
from dataclasses import dataclass, field
from typing import Final

from eagateway_sdk.context import Context
from eagateway_sdk.envelope import Envelope
from eagateway_sdk.frames import ErrorAlert, GapFill, OrderCommand, ResendRequest, Severity
from eagateway_sdk.journal import JournalFailed
from eagateway_sdk.ledger import State

log = logging.getLogger(__name__)

PAGE: Final = 200
_MAX_EARLY: Final = 2 * PAGE
Numbered = OrderCommand | GapFill


class Conflict(Exception):
    """Another frame came under a number that we know: the gateway was restored, or is confused. Never guess."""


@dataclass(slots=True)
class Receiver:
    """One connection's view of the gateway's log.

    `early` holds frames that came before their predecessors; `wanted` is the highest number that is overdue here.
    """

    context: Context
    early: dict[int, tuple[Envelope, Numbered]] = field(default_factory=dict)
    wanted: int = 0
    owed: int = 0
    _asked_to: int = 0
    _asked_at: float = 0.0

    def take(self, envelope: Envelope, payload: Numbered) -> list[str]:
        """Take one numbered frame; returns the ids of reports that should be sent again.

        :raises Conflict: another frame stands under this number
        :raises JournalFailed: it could not be written down, so it was not received
        """
        seq = envelope.seq or 0
        if seq > self.context.ledger.head + 1:
            self.wanted = max(self.wanted, seq)
            if len(self.early) < _MAX_EARLY:
                self.early[seq] = (envelope, payload)
            return []
        again = self._take_known_place(envelope, payload, seq)
        while (following := self.early.pop(self.context.ledger.head + 1, None)) is not None:
            again += self._take_known_place(*following, self.context.ledger.head + 1)
        return again

    def _take_known_place(self, envelope: Envelope, payload: Numbered, seq: int) -> list[str]:
        if isinstance(payload, GapFill):
            self._fill(seq, payload)
            return []
        if seq <= self.context.ledger.head:
            return self._repeat(envelope, payload, seq)
        return self._receive(envelope, payload, seq)

    def _receive(self, envelope: Envelope, command: OrderCommand, seq: int) -> list[str]:
        context = self.context
        entry = context.ledger.receive(seq=seq, frame_id=envelope.id, command=command)
        self.owed += 1
        self._acknowledge_when_durable()
        context.events["commands.received"] += 1
        if entry is None:
            context.events["commands.repeated"] += 1
            return self._known_already(envelope, command, seq)
        context.work.set()
        return []

    def _known_already(self, envelope: Envelope, command: OrderCommand, seq: int) -> list[str]:
        """Known under another number: its reports go out again, or, if a former log took them, the broker is asked."""
        ledger, outbox = self.context.ledger, self.context.outbox
        known = ledger.find(command)
        if known is None:
            return []
        waiting = [frame_id for frame_id in known.reports if outbox.find(frame_id) is not None]
        if known.state is State.DONE and known.epoch != ledger.epoch and not waiting:
            ledger.reopen(known, seq=seq, frame_id=envelope.id)
            self.context.work.set()
        return waiting

    def _repeat(self, envelope: Envelope, command: OrderCommand, seq: int) -> list[str]:
        context = self.context
        known = context.ledger.known(seq)
        if known is not None and known.frame_id != str(envelope.id):
            raise Conflict(f"another frame under the number {seq}")
        context.events["commands.repeated"] += 1
        self.owed += 1
        same = known or context.ledger.find(command)
        return list(same.reports) if same else []

    def _fill(self, seq: int, gap: GapFill) -> None:
        """Numbers that carry nothing; what of them is known but not begun is withdrawn. S and D win."""
        ledger = self.context.ledger
        self.context.events["commands.voided"] += ledger.void(seq, gap.next - 1)
        if gap.next - 1 > ledger.head:
            ledger.skip(following=gap.next)
        self.owed += 1
        self._acknowledge_when_durable()
        self.context.changed.set()

    def _acknowledge_when_durable(self) -> None:
        ledger = self.context.ledger
        head, epoch = ledger.head, ledger.epoch

        def durable(error: JournalFailed | None) -> None:
            if error is None and epoch == ledger.epoch:
                ledger.durable_head = max(ledger.durable_head, head)
                self.context.ready.set()

        self.context.journal.when_durable(durable)

    def missing(self, *, now: float, patience: float) -> ResendRequest | None:
        """What to ask for, if numbers are missing and no answer is under way."""
        head = self.context.ledger.head
        if self.wanted <= head:
            return None
        if head < self._asked_to and now - self._asked_at < patience:
            return None
        before_early = min(self.early, default=self.wanted + 1) - 1
        last = min(before_early, self.wanted, head + PAGE)
        self._asked_to, self._asked_at = last, now
        self.context.events["resends.asked"] += 1
        return ResendRequest(from_=head + 1, to=last)

    def restart(self) -> None:
        """A new log begins: nothing early, nothing asked."""
        self.early.clear()
        self.wanted = self._asked_to = 0


def conflict_alert(error: Conflict, envelope: Envelope) -> ErrorAlert:
    """What the gateway's operators are told about a conflict."""
    return ErrorAlert(
        code="sequence_conflict",
        severity=Severity.CRITICAL,
        ref=envelope.id,
        message=str(error),
        remediation="Check whether the gateway was restored; the client resumes with a new Hello",
    )
