"""What goes out to people: messages are rows, and are sent one by one, each try counted before it is made.

Nobody is sent one message twice, but for one case that no sender can exclude: a process that dies, or is cut off, after
the server has taken a message and before the row says so. It is sent again then, with the same Message-ID.
"""

import smtplib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MOST_TRIES, STANDING, MessageKind, MessagePurpose, MessageState, wait_after
from sessions_app.domain.texts import legible
from sessions_app.models import OutboxMessage
from sessions_app.services.operations import alert_notices, alerts, mails
from sessions_app.services.operations.moves import move_message

MOST_A_RUN: Final = 50
LEASE: Final = timedelta(minutes=5)
"""Longer than a server can draw out one message: it has 10 s for each answer."""
KEPT: Final = timedelta(days=30)
MOST_ERROR: Final = 255
SUBJECT: Final = "mail"
_log = structlog.get_logger(__name__)
_running: Final = Lock()
Send = Callable[[OutboxMessage], Collection[UUID]]
SENDERS: Final[Mapping[MessageKind, Send]] = {MessageKind.EMAIL: mails.send}
"""Who sends which kind. Each returns the alerts of which it has said that they have ended, and raises for anything
else than success."""


def work() -> int:
    """Everything from alerts to mails, once. Returns how many messages were sent.

    A run that hangs in a server must not take the worker's other thread too: a second one does nothing.
    """
    if not _running.acquire(blocking=False):
        return 0
    try:
        now = queries.database_now()
        alert_notices.spread(now=now)
        alert_notices.spread_ends(now=now)
        alert_notices.gather(now=now)
        return send_due()
    finally:
        _running.release()


def put(
    *, user_id: int, purpose: MessagePurpose, now: datetime, kind: MessageKind = MessageKind.EMAIL
) -> OutboxMessage:
    """Write a message that belongs to no tenant, to be sent by the next run."""
    return OutboxMessage.objects.create(user_id=user_id, kind=kind, purpose=purpose, due_at=now, created_at=now)


def send_due() -> int:
    """Send what is due, the oldest first. Returns how many; the run ends with a server that is away."""
    due = OutboxMessage.objects.filter(state__in=list(STANDING), due_at__lte=queries.database_now())
    sent = 0
    for row in due.order_by("due_at", "id")[:MOST_A_RUN]:
        claim = _claim(row)
        if claim is None:
            continue
        try:
            over = SENDERS[MessageKind(row.kind)](row)
        except mails.Unwanted as why:
            _finish(claim, MessageState.DROPPED, error=str(why))
        # One message that cannot be written must not hold up the others.
        except Exception as error:  # noqa: BLE001
            _failed(claim, error)
            if _is_away(error):
                break
        else:
            _finish(claim, MessageState.SENT, over=over)
            sent += 1
    return sent


@dataclass(frozen=True, slots=True)
class _Claim:
    """A message that this process sends, as long as the row says so: until `lease`."""

    row: OutboxMessage
    lease: datetime
    tries: int

    def move(self, after: MessageState, **columns: Any) -> bool:
        """Move the message on; not if the lease has ended and somebody else has taken it."""
        return move_message(self.row.id, MessageState.SENDING, after, due_before=self.lease, **columns)


def _claim(row: OutboxMessage) -> _Claim | None:
    """Take a message; None if somebody else has, or if its tries are over: each has ended its process."""
    claim = _Claim(row, queries.database_now() + LEASE, row.tries + 1)
    columns = {"due_at": claim.lease, "tries": claim.tries}
    with transaction.atomic(durable=True):
        won = move_message(row.id, MessageState(row.state), MessageState.SENDING, due_before=row.due_at, **columns)
    if not won:
        return None
    if row.tries < MOST_TRIES:
        return claim
    _give_up(claim, "the process ended while it was sent")
    return None


def _finish(claim: _Claim, after: MessageState, *, over: Collection[UUID] = (), error: str = "") -> None:
    with transaction.atomic(durable=True):
        if claim.move(after, ended_at=queries.database_now(), error=_fitting(error)):
            alert_notices.note_ends(message=claim.row, alerts=over)
            _log.info("outbox.ended", message=str(claim.row.id), kind=claim.row.kind, state=after.value)


def _failed(claim: _Claim, error: Exception) -> None:
    """Try again later, or give up."""
    # What cannot be written, such as an address with a line break, is not better the next time.
    wait = None if isinstance(error, ValueError) else wait_after(claim.tries)
    said = f"{type(error).__name__}: {error}"
    _log.error("outbox.not_sent", message=str(claim.row.id), kind=claim.row.kind, tries=claim.tries, error=said)
    if wait is None:
        _give_up(claim, said)
        return
    with transaction.atomic(durable=True):
        claim.move(MessageState.WAITING, due_at=queries.database_now() + wait, error=_fitting(said))


def _give_up(claim: _Claim, said: str) -> None:
    """For good; the staff hears of it. That mail may be given up too: its alert is then repeated, and tells nobody."""
    now = queries.database_now()
    with transaction.atomic(durable=True):
        if claim.move(MessageState.GIVEN_UP, ended_at=now, error=_fitting(said)):
            text = f"A mail to {claim.row.user.email} was given up after {claim.tries} tries. {legible(said)}"
            alerts.raise_alert(code=AlertCode.MAIL_GIVEN_UP, text=text, now=now, subject=SUBJECT)


def _is_away(error: Exception) -> bool:
    """Whether the server did not answer, and not only refuse this one message."""
    answered = isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused)
    return isinstance(error, OSError) and not answered


def _fitting(text: str) -> str:
    return legible(text)[:MOST_ERROR]
