"""One link to one EA, whatever carries it: its outbox, its inbox, and how it ends.

A connection owns its outgoing queue: whoever sends it does so by himself, so that a slow peer delays nobody else. Over
the bound the peer is dropped; its commands stay in the log, and it resumes by sequence.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from sessions_app.domain.frames.envelope import FrameTooLong, write_frame, write_log_frame
from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import Idle, Payload
from sessions_app.domain.lifecycle import CloseCode, SessionStatus
from sessions_app.models.fields import new_id
from sessions_app.queries import Standing
from sessions_app.transport.connection.inbox import Inbox
from sessions_app.transport.connection.lifecycle import Lifecycle
from sessions_app.transport.connection.outbox import Outbox
from sessions_app.transport.connection.polls import Polls

_log = structlog.get_logger(__name__)


class Connection(ABC):
    """One link of one session. All methods run in its event loop.

    `standing`: its session's row, as last read. `introduced`: authenticated, and its terminal has introduced itself;
    `ready`: it may be sent commands. `door`: its incoming side; see transport.inbound.dispatcher.
    """

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        self.standing = standing
        self.link_no = standing.links
        # A former link may have carried all of the log: what comes once more is marked as resent.
        self.outbox = Outbox(sent=resume_from, maybe_sent=standing.top_seq, acked=min(resume_from, standing.acked_seq))
        self.inbox = Inbox(stored=standing.stored_seq)
        self.lifecycle = Lifecycle()
        self.door: Any = None
        self._forget: Callable[[Connection], None] | None = None
        self._polls = Polls(self._say_idle)
        self._wake = asyncio.Event()

    @property
    def session_id(self) -> UUID:
        return self.standing.session_id

    @property
    def account_pk(self) -> UUID:
        return self.standing.account_pk

    @property
    def authenticated(self) -> bool:
        return self.standing.state == SessionStatus.AUTHENTICATED

    @property
    def introduced(self) -> bool:
        return self.authenticated and self.standing.initialised and not self.lifecycle.closing

    @property
    def ready(self) -> bool:
        return self.introduced and not self.standing.needs_snapshot

    def stand(self, standing: Standing) -> Standing:
        """The session's row was read again; what it said before is returned."""
        former, self.standing = self.standing, standing
        return former

    def open(self, door: Any) -> None:
        """Frames are taken from now on, by this door."""
        self.door = door

    def join(self, forget: "Callable[[Connection], None]") -> None:
        """It is registered; `forget` is how a link that is given up leaves."""
        self._forget = forget

    def wake(self) -> None:
        """Something has changed for whoever waits on this link."""
        self._wake.set()

    # Out -----------------------------------------------------------------------------------------------------------

    def renumber(self) -> None:
        """The account's log begins anew."""
        self.outbox.renumber()

    def post(self, kind: str, payload: Payload) -> None:
        """Queue one unnumbered frame."""
        now = datetime.now(UTC)
        try:
            text = write_frame(kind=kind, frame_id=new_id(), payload=payload, sent_at=now, ack=self.inbox.stored)
        except FrameTooLong as error:
            self._note_too_long(error)
            return
        self._enqueue(text)

    def push(self, frame: LogFrame, *, committed_at: datetime, sent_at: datetime) -> None:
        """Queue one numbered frame of the account's command log, marked if it may have come before. `sent_at`: the
        moment that the frame tells, one for all that are sent together."""
        try:
            text = write_log_frame(
                frame, sent_at=sent_at, ack=self.inbox.stored, resent=frame.seq <= self.outbox.maybe_sent
            )
        except FrameTooLong as error:
            self._note_too_long(error)
            return
        self._enqueue(text, last=frame.last)
        self.outbox.note_push(frame, committed_at=committed_at, pushed_at=datetime.now(UTC))

    def _note_too_long(self, error: FrameTooLong) -> None:
        """A frame above the limit is an error of ours, and never sent."""
        _log.error("socket.frame_too_long", session_id=str(self.session_id), error=str(error))

    def _enqueue(self, text: bytes, *, last: int = 0) -> None:
        if self.lifecycle.closing:
            return
        self.inbox.tell()
        self.outbox.put(text, last=last)
        self._polls.note_queued()
        self._wake.set()
        # Bytes, not frames: what a peer that does not read costs is memory.
        if self.outbox.queued_bytes > settings.GATEWAY["send_queue_kib"] * 1024:
            self.drop_slow_reader()

    def drop_slow_reader(self) -> None:
        """It does not read: forget what waits for it, and the link at once, whether it can be closed or not. Its
        commands stay in the log.
        """
        _log.warning("socket.slow_reader", session_id=str(self.session_id), queued=self.outbox.queued_bytes)
        self.outbox.clear()
        self.close(CloseCode.FLOOD)
        if self._forget is not None:
            self._forget(self)

    def _say_idle(self) -> None:
        self.post("Idle", Idle(top_seq=max(self.outbox.sent, self.standing.top_seq)))

    @abstractmethod
    def poll(self, hold: float) -> None:
        """Answer with Idle behind everything queued: at once if something was, else after `hold` seconds at most."""

    # In ------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def stored_up_to(self, seq: int) -> None:
        """Its frames up to `seq` are committed: let the EA know."""

    @abstractmethod
    def acknowledge(self) -> None:
        """Tell what is stored, if it has not been told."""

    # The end -------------------------------------------------------------------------------------------------------

    def close(self, code: int) -> None:
        """Send what is queued, then close; nothing more is queued."""
        if self.lifecycle.close(code):
            self._wake.set()

    def drop(self) -> None:
        """The peer has gone: nothing more is sent, and what it left half told is forgotten."""
        self.inbox.drop()
        self.outbox.drop()
        ignored = self.lifecycle.drop()
        if ignored:
            _log.info("socket.ignored_after_notice", session_id=str(self.session_id), frames=ignored)
