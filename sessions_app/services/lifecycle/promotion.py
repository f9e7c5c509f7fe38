"""Put a pending session in charge of its account. Preemption happens here, never when a session asks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from sessions_app import queries
from sessions_app.domain.lifecycle import GrantState, KeyState, Reason, SessionStatus, SnapshotReason
from sessions_app.domain.recovery import Claims
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession, InboundFrame, TerminalProfile
from sessions_app.models.bulk import send_update
from sessions_app.models.statements import Answer, Place, Statement, together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports, quarantine
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import preemptions, recovery, snapshot_requests
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.lifecycle.ending import end_sessions
from sessions_app.services.lifecycle.locking import send_for_lock, send_turn_and_sessions
from sessions_app.services.operations import history, moves
from sessions_app.services.operations.history import EA, GATEWAY

# A terminal that asks again and again leaves many pending sessions; the living one is among the newest.
_SESSIONS_OF_A_KEY: Final = 50


def promote_session(*, session_id: UUID) -> bool:
    """Promote a pending session whose key has been approved meanwhile; False if there is nothing to promote, or if a
    newer session of the same key is in charge."""
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        account_pk = EaSession.objects.filter(id=session_id).values_list("account_id", flat=True).first()
        promoted = account_pk is not None and authorise_session(session_id, account_pk, batch)
    ring_after_commit(batch)
    return promoted


@requires_transaction
def promote_newest_living(*, key_id: UUID, batch: Batch) -> UUID | None:
    """Promote the key's newest living session, inside the caller's transaction; the caller rings after the commit.

    Alive: heard of within its timeout. A dead one is promoted at its next StatusHeartbeat.
    """
    asked = EaSession.objects.filter(key_id=key_id, state=SessionStatus.PENDING, last_heartbeat_at__isnull=False)
    # A dead session must not be put in charge: it would preempt the one that works, and expire.
    living = [row for row in asked.order_by("-created_at", "-id")[:_SESSIONS_OF_A_KEY] if _is_alive(row, batch.now)]
    promoted = bool(living) and authorise_session(living[0].id, living[0].account_id, batch)
    return living[0].id if promoted else None


def _is_alive(session: EaSession, now: datetime) -> bool:
    heard = session.last_heartbeat_at
    return heard is not None and heard + timedelta(seconds=session.heartbeat_timeout) >= now


def authorise_session(session_id: UUID, account_pk: UUID, batch: Batch) -> bool:
    """pending -> authenticated, the account's former session preempted, its backlog released; one transaction.

    Sessions are locked before their account, as batches do, and only against writers: a master's batch, which holds
    the account, may just be writing held commands that refer to the pending session. The stronger lock, which the
    change of state needs, comes when the account is ours.
    """
    # The proof first: whoever revokes it has it locked, and ends our session when it is his turn.
    reason = _lock_proof(session_id)
    if reason is None:
        return False
    with together():
        # After our turn has come: the session that the turn before has put in charge must be seen.
        living = send_turn_and_sessions(account_pk)
    return _authorise(session_id, account_pk, living.read(), None, reason, batch)


def authorise_new(*, session: EaSession, make: Callable[[], None], batch: Batch) -> bool:
    """The same for a session that the caller makes, `make`, and whose proof he has locked and found in force."""
    reason = Reason.GRANTED if session.key_id is None else Reason.KEY_APPROVED
    with together():
        make()
        living = send_turn_and_sessions(session.account_id)
        waiting = quarantine.send_for_waiting(session)
    return _authorise(session.id, session.account_id, living.read(), waiting.read(), reason, batch)


def _authorise(
    session_id: UUID,
    account_pk: UUID,
    living: Sequence[EaSession],
    waiting: Sequence[InboundFrame] | None,
    reason: Reason,
    batch: Batch,
) -> bool:
    session = next((row for row in living if row.id == session_id and row.state == SessionStatus.PENDING), None)
    if session is None or _is_outlived(session, living):
        return False
    # Quarantined frames of a master touch his followers too: all accounts at once, in the order of ids.
    waiting = quarantine.waiting_for(session) if waiting is None else waiting
    with together():
        locked = send_for_lock({account_pk, *quarantine.touched(waiting)})
        known = _Known.send(session)
    account = next(row for row in locked.read() if row.id == account_pk)
    # Not refused aloud: a pending session may be a stranger's, who must not learn of the suspension.
    if account.suspended_at is not None:
        return False
    former = [row for row in living if row.state == SessionStatus.AUTHENTICATED]
    told = known.read()
    with together():
        end_sessions(former, SessionStatus.CLOSED, reason=Reason.PREEMPTED, actor=EA, now=batch.now)
        fence = _put_in_charge(session, account, told, reason=reason, now=batch.now)
    preemptions.watch_preemptions(former=former, session=session, earlier=known.preempted.read(), now=batch.now)
    if session.hello is not None:
        recovery.settle_hello(session=session, claims=Claims.read(session.hello), now=batch.now)
    # With the new fence: from here on these frames count as those of the session in charge.
    quarantine.apply(waiting, account_pk=account_pk, fence=fence, batch=batch)
    # Only now do held commands get numbers: what has expired by then leaves no hole in the log.
    ports.bound().release(account_pk, session_id, batch)
    batch.changed_sessions |= {session_id, *(row.id for row in former)}
    return True


_PROFILE: Final = Statement(
    lambda: (
        TerminalProfile.objects.filter(session__among=Place("sessions")).order_by("-created_at").values_list("id")[:1]
    )
)
# By the session that has told the account's profile: whether it was ever in charge, and its key.
_TELLER: Final = Statement(
    lambda: EaSession.objects.filter(
        profiles__in=BrokerAccount.objects.filter(id__among=Place("accounts")).values("profile_id")
    ).values_list("fence", "key_id")
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is asked for behind the account's lock: the session's newest profile, whose profile the account goes by, and
    when its sessions were preempted lately."""

    profile: Answer[tuple[Any, ...]]
    teller: Answer[tuple[Any, ...]]
    preempted: Answer[tuple[Any, ...]]

    @classmethod
    def send(cls, session: EaSession) -> "_Known":
        return cls(
            profile=_PROFILE.send(sessions=[session.id]),
            teller=_TELLER.send(accounts=[session.account_id]),
            preempted=preemptions.send_for_recent(session.account_id),
        )

    def read(self) -> "_Told":
        """The first two."""
        profile, teller = self.profile.read(), self.teller.read()
        return _Told(profile[0][0] if profile else None, (teller[0][0], teller[0][1]) if teller else None)


class _Told(NamedTuple):
    """The newest profile of the session; of the one that told the account's: whether it was ever in charge, its key."""

    profile_id: UUID | None
    teller: tuple[int, UUID | None] | None


def _put_in_charge(session: EaSession, account: BrokerAccount, told: _Told, *, reason: Reason, now: datetime) -> int:
    """pending -> authenticated: its terminal is the account's from now on. Returns its fence.

    It only writes, and asks for no answer: it is sent in one round trip.
    """
    # From this commit on, frames of the former session carry a lower fence and change nothing.
    fence = account.fence + 1
    # Its deadline dates from when it was opened, perhaps long ago: it gets a full timeout to be heard of.
    deadline = now + timedelta(seconds=session.heartbeat_timeout)
    columns = {"fence": fence, "authenticated_at": now, "deadline_at": deadline}
    moves.move_session(session.id, SessionStatus.PENDING, SessionStatus.AUTHENTICATED, **columns)
    _adopt_terminal(account, session, told, fence)
    # The account's book may have changed while nobody was in charge.
    snapshot_requests.fall_due(accounts=[account.id], reason=SnapshotReason.SESSION_START, at=now)
    history.record(
        account_pk=account.id,
        session_id=session.id,
        before=SessionStatus.PENDING,
        after=SessionStatus.AUTHENTICATED,
        reason=reason,
        actor=GATEWAY,
        at=now,
    )
    return fence


def _is_outlived(session: EaSession, living: Iterable[EaSession]) -> bool:
    """Whether a newer session of the same key is in charge: an older one that is still heard of never ends it."""
    return any(
        row.state == SessionStatus.AUTHENTICATED
        and row.key_id is not None
        and row.key_id == session.key_id
        and (row.created_at, row.id) > (session.created_at, session.id)
        for row in living
    )


def _lock_proof(session_id: UUID) -> Reason | None:
    """Lock the key or the grant that a session rests on, and say why it may be authorised; None if it may not.

    Whoever revokes it waits for us and then ends our session too, or was first and is seen here.
    """
    keys = AuthKey.objects.filter(sessions=session_id, state=KeyState.APPROVED)
    if list(keys.select_for_update(of=("self",), no_key=True).values_list("id")):
        return Reason.KEY_APPROVED
    grants = AccountGrant.objects.filter(sessions=session_id, state=GrantState.GRANTED)
    return Reason.GRANTED if list(grants.select_for_update(of=("self",), no_key=True).values_list("id")) else None


def _adopt_terminal(account: BrokerAccount, session: EaSession, told: _Told, fence: int) -> None:
    """Decisions rest from now on what this session has told."""
    account.fence = fence
    # Who was never in charge and has another key: his symbols and his money may be anything.
    if told.teller is not None and told.teller[0] == 0 and told.teller[1] != session.key_id:
        account.profile_id = account.balance = account.equity = account.free_margin = account.funds_at = None
    # The newest: a terminal may introduce itself again, for instance with more symbols.
    account.profile_id = told.profile_id or account.profile_id
    _adopt_funds(account, session)
    send_update(BrokerAccount, [account], ["fence", "profile", "balance", "equity", "free_margin", "funds_at"])


def _adopt_funds(account: BrokerAccount, session: EaSession) -> None:
    """The funds of its last heartbeat, unless newer ones are known."""
    beat: Mapping[str, str] = session.status
    at = session.last_heartbeat_at
    if at is None or "balance" not in beat or (account.funds_at is not None and account.funds_at > at):
        return
    for name in ("balance", "equity", "free_margin"):
        setattr(account, name, Decimal(beat[name]) if name in beat else None)
    account.funds_at = at
