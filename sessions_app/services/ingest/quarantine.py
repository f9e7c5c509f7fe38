"""What sessions stored while they were pending, applied when one of their key is promoted.

They were acknowledged, so their EA has forgotten them: they are applied whatever became of the session that sent them.
One bad frame must not block an approval.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
import structlog
from django.db import transaction
from django.db.models import QuerySet

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import decode_hook
from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession, InboundFrame
from sessions_app.models.bulk import update_rows
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Answer, Place
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import batches, groups, ports
from sessions_app.services.ingest.database_errors import is_data_fault
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.operations import alerts

MAX_FAILURES: Final = 20
_log = structlog.get_logger(__name__)


@requires_transaction
def apply(waiting: Sequence[InboundFrame], *, account_pk: UUID, fence: int, batch: Batch) -> None:
    """Apply what a session that is promoted finds waiting, inside the promotion's transaction.

    They are applied in the order of sessions and numbers, with the fence of the session in charge; one that came under
    two sessions, once. A frame that cannot be applied is refused for good as `poisoned`; after MAX_FAILURES of them,
    all that follow are.
    """
    if not waiting:
        return
    fresh = _fresh(waiting, account_pk)
    arrivals = [_arrival_of(row, fence) for row in fresh]
    failures = _apply_what_can_be([arrival for arrival in arrivals if arrival.payload is not None], batch, failures=0)
    if failures:
        text = f"{failures} of the frames stored before the approval could not be applied"
        alerts.raise_alert(code=AlertCode.POISONED_FRAME, text=text, now=batch.now, account_pk=account_pk)
    for row, arrival in zip(fresh, arrivals, strict=True):
        row.quarantined, row.content = False, batches.kept_content(arrival, row.content)
        row.refusal = arrival.refusal.code if arrival.refusal else row.refusal
    update_rows(InboundFrame, fresh, ["quarantined", "content", "refusal"])


@requires_transaction
def discard(*, key_id: UUID) -> int:
    """A key was refused for good: end what its sessions stored and nobody has applied, in the caller's transaction.

    The frames stay on record, refused as `key_rejected`. How many.
    """
    waiting = InboundFrame.objects.filter(session__key=key_id, quarantined=True, content__isnull=False)
    ended = waiting.update(content=None, refusal=Refused("key_rejected").code)
    if ended:
        _log.warning("quarantine.discarded", key_id=str(key_id), frames=ended)
    return ended


def touched(waiting: Sequence[InboundFrame]) -> set[UUID]:
    """The accounts whose rows these frames change when they are applied."""
    arrivals = [_arrival_of(row, fence=0) for row in waiting]
    return groups.touched([arrival for arrival in arrivals if arrival.payload is not None])


def send_for_waiting(session: EaSession) -> Answer[InboundFrame]:
    """Ask for the same of a session whose key or grant is known."""
    if session.key_id is None:
        return _OF_GRANT.send(accounts=[session.account_id], proofs=[session.grant_id])
    return _OF_KEY.send(accounts=[session.account_id], proofs=[session.key_id])


def _waiting(proof: str) -> "QuerySet[InboundFrame]":
    kin = EaSession.objects.filter(**{"account__among": Place("accounts"), f"{proof}__among": Place("proofs")})
    rows = InboundFrame.objects.filter(session__in=kin, quarantined=True)
    return rows.order_by("session__created_at", "session_id", "seq")


_OF_KEY: Final = Fetch(lambda: _waiting("key"))
_OF_GRANT: Final = Fetch(lambda: _waiting("grant"))


def waiting_for(session: EaSession) -> list[InboundFrame]:
    """The quarantined frames of a session and of all others of its key: those that its promotion applies.

    No other one comes while the living sessions of its account are locked.
    """
    rows = InboundFrame.objects.filter(session__in=queries.kin_of(session), quarantined=True)
    return list(rows.order_by("session__created_at", "session_id", "seq"))


def _fresh(rows: Sequence[InboundFrame], account_pk: UUID) -> list[InboundFrame]:
    """Those whose ids are new to the account, each once. The others keep nothing but their rows."""
    stored = InboundFrame.objects.filter(account_id=account_pk, quarantined=False)
    known = dict(stored.filter(frame_id__in={row.frame_id for row in rows}).values_list("frame_id", "digest"))
    fresh, repeated = [], []
    for row in rows:
        first = known.get(row.frame_id)
        if first is None:
            known[row.frame_id] = row.digest
            fresh.append(row)
            continue
        row.content = None
        row.refusal = row.refusal if bytes(first) == bytes(row.digest) else Refused("id_reused").code
        repeated.append(row)
    update_rows(InboundFrame, repeated, ["content", "refusal"])
    return fresh


def _apply_what_can_be(arrivals: Sequence[Arrival], batch: Batch, *, failures: int) -> int:
    """Apply these frames, halved as often as it takes, left half first; how many have failed so far."""
    if not arrivals:
        return failures
    if failures >= MAX_FAILURES:
        return failures + _refuse(arrivals)
    error = _fault_of(arrivals, batch)
    if error is None:
        return failures
    if len(arrivals) == 1:
        _log.error("quarantine.frame_failed", frame_id=str(arrivals[0].frame_id), exc_info=error)
        return failures + _refuse(arrivals)
    half = len(arrivals) // 2
    failures = _apply_what_can_be(arrivals[:half], batch, failures=failures)
    return _apply_what_can_be(arrivals[half:], batch, failures=failures)


def _fault_of(arrivals: Sequence[Arrival], batch: Batch) -> Exception | None:
    """Apply frames together; if their data is at fault nothing of it remains, in the rows or in the batch."""
    # A savepoint takes back rows, but nothing that the batch has noted in memory.
    before = batch.copied()
    try:
        with transaction.atomic():
            batches.apply_in_groups(arrivals, batch)
    except Exception as error:
        if not is_data_fault(error):
            raise
        batch.restore(before)
        for arrival in arrivals:
            arrival.fate, arrival.refusal = Fate.APPLY, None
        return error
    return None


def _refuse(arrivals: Sequence[Arrival]) -> int:
    for arrival in arrivals:
        arrival.refuse(Refused("poisoned"))
    return len(arrivals)


def _arrival_of(row: InboundFrame, fence: int) -> Arrival:
    frame = ports.bound().frames.get(row.kind)
    payload, refusal = None, None
    if frame is not None and row.content is not None:
        try:
            payload = msgspec.convert(row.content, frame.type.payload, dec_hook=decode_hook)
        except msgspec.ValidationError:  # stored by another version of the gateway
            _log.exception("quarantine.frame_unreadable", frame_id=str(row.frame_id))
            refusal = Refused("poisoned")
    return Arrival(
        session_id=row.session_id,
        account_pk=row.account_id,
        fence=fence,
        kind=row.kind,
        frame_id=row.frame_id,
        seq=row.seq,
        payload=payload,
        digest=bytes(row.digest),
        heard=0.0,
        received_at=row.received_at,
        refusal=refusal,
        fate=Fate.APPLY,
    )
