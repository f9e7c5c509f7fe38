"""What a Hello changes: a log that the EA knows better than we do begins anew, and doubtful commands are set aside.

Whoever writes here holds the session's row.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db.models import Value
from uuid_utils.compat import uuid4

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.domain.recovery import Claims, Former, Memory, memory, shares_ledger
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports
from sessions_app.services.operations import alerts

MAX_COPY_NO: Final = 0xFFFFFF
COPY_NUMBERS_LOW: Final = MAX_COPY_NO * 9 // 10
STILL_SENT: Final = timedelta(seconds=2)
"""So long after its end a session's socket may still be sent commands: until its process has heard of it."""
_log = structlog.get_logger(__name__)


def compare_memory(*, account: BrokerAccount, claims: Claims) -> Memory:
    """How the EA's memory compares with the account's log; changes nothing."""
    known: frozenset[UUID] = frozenset()
    # Only then can the frame be looked up: a number above our log is answered by the number alone.
    if claims.last_server_id is not None and 0 < claims.last_server_seq < account.next_seq:
        mine = BrokerAccount.objects.filter(id=account.id).annotate(number=Value(claims.last_server_seq))
        known = sent_as(mine.values_list(ports.bound().frame_at("id", "epoch", "number"), flat=True).first())
    return memory(claims, epoch=account.epoch, top_seq=account.next_seq - 1, known_ids=known)


def sent_as(frame_id: UUID | None) -> frozenset[UUID]:
    """The ids by which an EA may know the frame that was found under its last number."""
    return frozenset() if frame_id is None else ports.bound().frame_ids(frame_id)


@requires_transaction
def settle_hello(*, session: EaSession, claims: Claims, now: datetime) -> Memory:
    """Act on an authenticated session's Hello: begin a new epoch, or set its predecessor's open commands aside.

    Inside the caller's transaction, with the session's row locked.
    """
    account = BrokerAccount.objects.select_for_update(no_key=True).get(id=session.account_id)
    found = compare_memory(account=account, claims=claims)
    # Once a session: a later Hello of the same one comes from the same terminal.
    if session.settled_at is None:
        _doubt_predecessor(account, session, claims, now)
    if found is Memory.BEYOND:
        _begin_epoch(account, claims, now)
    elif found is Memory.OTHER:
        _log.critical("log.not_recovered", account=account.account_id, theirs=claims.last_server_seq)
        account.snapshot_due_at, account.snapshot_reason = now, SnapshotReason.NEW_EPOCH
        account.save(update_fields=["snapshot_due_at", "snapshot_reason"])
    keep_copy_numbers_apart(account, claims.max_copy_no_seen)
    return found


def _doubt_predecessor(account: BrokerAccount, session: EaSession, claims: Claims, now: datetime) -> None:
    """Commands that another terminal may be executing are not sent to this one."""
    EaSession.objects.filter(id=session.id).update(settled_at=now)
    row = queries.former_session(session)
    # Nobody was sent commands before, so nobody can be executing them.
    if row is None or row.closed_at is None:
        return
    former = Former(installation_id=row.installation_id, ended_at=row.closed_at)
    if shares_ledger(claims, former, acked_seq=account.acked_seq):
        return
    doubted = ports.bound().doubt(account.id, former.ended_at + STILL_SENT, former.ended_at)
    if doubted:
        BrokerAccount.objects.filter(id=account.id).update(snapshot_due_at=now, snapshot_reason=SnapshotReason.IN_DOUBT)
        _log.warning("commands.in_doubt", account=account.account_id, commands=doubted)


def _begin_epoch(account: BrokerAccount, claims: Claims, now: datetime) -> None:
    """Number from 1 again, under a new epoch: the numbers after the point we were set back to are the EA's already."""
    former, top = account.epoch, account.next_seq - 1
    # What our log shows as open may have been executed in the time that the database has lost.
    ports.bound().doubt(account.id, now, now)
    account.epoch, account.next_seq, account.acked_seq = uuid4(), 1, 0
    account.needs_snapshot, account.snapshot_due_at, account.snapshot_reason = True, now, SnapshotReason.NEW_EPOCH
    fields = ["epoch", "next_seq", "acked_seq", "needs_snapshot", "snapshot_due_at", "snapshot_reason"]
    account.save(update_fields=fields)
    text = f"The EA knows command {claims.last_server_seq}, our log ends at {top}: was the database set back?"
    alerts.raise_alert(code=AlertCode.NEW_EPOCH, text=text, now=now, account_pk=account.id)
    _log.critical(
        "log.new_epoch", account=account.account_id, former=str(former), top=top, theirs=claims.last_server_seq
    )


@requires_transaction
def keep_copy_numbers_apart(account: BrokerAccount, seen: int) -> None:
    """Copy numbers up to the one that the EA has seen are never given again, whatever we remember of them.

    Inside the caller's transaction, with the account's row locked.
    """
    if not account.next_copy_no <= seen <= MAX_COPY_NO:
        return
    _log.critical("copy_numbers.behind", account=account.account_id, seen=seen, next=account.next_copy_no)
    BrokerAccount.objects.filter(id=account.id).update(next_copy_no=seen + 1)
    account.next_copy_no = seen + 1  # whoever holds this row goes on counting from it
    if seen >= COPY_NUMBERS_LOW:
        # A person looks: the number is the EA's claim alone, and is kept although it may be wrong.
        text = f"The EA says that {seen} of {MAX_COPY_NO} copy numbers are used: is that so?"
        alerts.raise_alert(
            code=AlertCode.COPY_NUMBERS_LOW, text=text, now=queries.database_now(), account_pk=account.id
        )
