"""Which silent sessions have really ended: not those whose gateway was absent, nor those that were sent away.

When many fall silent at once, it is hardly the EAs: their expiry is held for one timeout, and an operator is called.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import EaSession, GatewayProcess
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.lifecycle.ending import end_sessions
from sessions_app.services.lifecycle.locking import locked_sessions
from sessions_app.services.operations import alerts, gateway_processes, maintenance
from sessions_app.services.operations.history import GATEWAY


def expire_overdue() -> int:
    """Close authenticated sessions whose heartbeat is overdue, each by compare-and-set on the deadline read.

    A heartbeat that comes in between wins. Returns how many were closed.
    """
    expired = 0
    # A transaction each: the locks of one session are let go of before those of the next are asked for.
    for session_id, deadline in _due_sessions(queries.database_now()):
        with transaction.atomic(durable=True):
            batch = Batch(now=queries.database_now())
            rows = list(
                locked_sessions().filter(id=session_id, state=SessionStatus.AUTHENTICATED, deadline_at=deadline)
            )
            end_sessions(rows, SessionStatus.CLOSED, reason=Reason.HEARTBEAT_TIMEOUT, actor=GATEWAY, now=batch.now)
            batch.changed_sessions |= {row.id for row in rows}
        ring_after_commit(batch)
        expired += len(rows)
    return expired


def forgive_absence(*, alone: bool = False) -> int:
    """A gateway's absence is not the EAs' silence: give every authenticated session a full timeout from now.

    Called when a gateway process starts; does nothing while another one's lease is in force, unless the caller knows
    that it is `alone`. Returns how many sessions it concerned.
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        # Its EAs were never without a gateway: only those of the one that died have an excuse, by its lease.
        if not alone and queries.living_gateways(now):
            return 0
        return gateway_processes.excuse(EaSession.objects.all(), now)


def excuse_waiting(session_ids: Collection[UUID]) -> None:
    """Give sessions a full timeout from now: their EAs have asked us, and we have not answered yet."""
    if session_ids:
        with transaction.atomic(durable=True):
            gateway_processes.excuse(EaSession.objects.filter(id__in=session_ids), queries.database_now())


def _due_sessions(now: datetime) -> list[tuple[UUID, datetime]]:
    """Authenticated sessions to expire now, with the deadline read; the deadlines of those with an excuse are moved.

    Nothing expires while no gateway is alive: beat alone cannot tell who is silent.
    """
    overdue = dict(queries.overdue_sessions(now))
    if not overdue:
        return []
    leases = dict(GatewayProcess.objects.values_list("id", "lease_until"))
    living = {gateway for gateway, until in leases.items() if until >= now}
    # Without any row there was no gateway that could have been absent: the clock alone decides.
    if leases and not living:
        return []
    # A process keeps heartbeats in memory for a sweep, and a slow database makes that sweep long: one that came in time
    # may not be written yet. So a session is silent as of what its process has written, not as of now.
    heard: dict[UUID | None, datetime] = {gateway: gateway_processes.heard_until(leases[gateway]) for gateway in living}
    with transaction.atomic(durable=True):
        rows = list(EaSession.objects.select_related("account").filter(id__in=overdue))
        rows = [row for row in rows if row.deadline_at < heard.get(row.gateway, now)]
        overdue = {row.id: overdue[row.id] for row in rows}
        excuses = _excuses(rows, now)
        held = _excused_by_mass_silence([row for row in rows if row.id not in excuses], now)
        # In the order of ids, as everybody who locks several sessions.
        for session_id, until in sorted({**excuses, **held}.items()):
            # By compare-and-set: the later deadline of a heartbeat that has come since stays.
            unmoved = EaSession.objects.filter(id=session_id, state=SessionStatus.AUTHENTICATED)
            moved = {"deadline_at": until} | ({"silence_held_at": now} if session_id in held else {})
            unmoved.filter(deadline_at=overdue[session_id]).update(**moved)
    return [(key, deadline) for key, deadline in overdue.items() if key not in excuses and key not in held]


def _excuses(rows: Sequence[EaSession], now: datetime) -> dict[UUID, datetime]:
    """Until when sessions are excused: a timeout after their gateway's lease was lost, or after maintenance."""
    leases = dict(
        GatewayProcess.objects.filter(id__in={row.gateway for row in rows}, lease_until__lt=now).values_list(
            "id", "lease_until"
        )
    )
    windows = maintenance.in_force(now)
    excused = {}
    for row in rows:
        timeout = timedelta(seconds=row.heartbeat_timeout)
        absences = [window.over_at for window in windows if maintenance.covers(window, row.account)]
        if row.gateway in leases:
            # Until the lease ran out its EAs could be heard; from then on their silence proves nothing.
            absences.append(leases[row.gateway])
        # Without an absence: the deadline itself, which has passed, and so is no excuse.
        until = max(absences, default=row.deadline_at - timeout) + timeout
        if until > now:
            excused[row.id] = until
    return excused


def _excused_by_mass_silence(rows: Sequence[EaSession], now: datetime) -> dict[UUID, datetime]:
    """Sessions that fell silent together with many others; each is held once, until it is heard of again.

    Those that are held already count as silent: a sweep sees a part of them only.
    """
    fresh = [row for row in rows if row.silence_held_at is None]
    # Everybody here was held once already: a second time would keep dead sessions in charge for good.
    if not fresh:
        return {}
    living = EaSession.objects.filter(state=SessionStatus.AUTHENTICATED)
    paces = list(living.values_list("silence_held_at", "deadline_at", "heartbeat_interval", "heartbeat_timeout"))
    # Silent is who has not been heard of for two intervals, not only who is overdue: sessions that fall due one after
    # the other are seen together.
    silent = sum(
        held is not None or deadline + timedelta(seconds=2 * pace - timeout) < now
        for held, deadline, pace, timeout in paces
    )
    bounds = settings.GATEWAY
    # Both bounds: in a small deployment a third is a few terminals, in a large one a few are nothing.
    if silent <= bounds["mass_silence_sessions"] or silent * 100 <= len(paces) * bounds["mass_silence_percent"]:
        return {}
    text = f"{silent} of {len(paces)} sessions are silent; their expiry is held for one timeout"
    alerts.raise_alert(code=AlertCode.MASS_SILENCE, text=text, now=now)
    return {row.id: now + timedelta(seconds=row.heartbeat_timeout) for row in fresh}
