"""Which silent sessions have really ended: not those whose gateway was absent, nor those that were sent away.

When many fall silent at once, it is hardly the EAs: their expiry is held for one timeout, and an operator is called.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import EaSession, GatewayProcess
from sessions_app.services.operations import alerts, maintenance


def due(now: datetime) -> list[tuple[UUID, datetime]]:
    """Authenticated sessions to expire now, with the deadline read; the deadlines of those with an excuse are moved.

    Nothing expires while no gateway is alive: beat alone cannot tell who is silent.
    """
    overdue = dict(queries.overdue_sessions(now))
    if not overdue or (GatewayProcess.objects.exists() and not queries.living_gateways(now)):
        return []
    with transaction.atomic(durable=True):
        rows = list(EaSession.objects.select_related("account").filter(id__in=overdue))
        excuses = _excuses(rows, now)
        held = _held([row for row in rows if row.id not in excuses], now)
        for session_id, until in {**excuses, **held}.items():
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
            absences.append(leases[row.gateway])
        until = max(absences, default=row.deadline_at - timeout) + timeout
        if until > now:
            excused[row.id] = until
    return excused


def _held(rows: Sequence[EaSession], now: datetime) -> dict[UUID, datetime]:
    """Sessions that fell silent together with many others; each is held once, until it is heard of again.

    Those that are held already count as silent: a sweep sees a part of them only.
    """
    fresh = [row for row in rows if row.silence_held_at is None]
    if not fresh:
        return {}
    living = EaSession.objects.filter(state=SessionStatus.AUTHENTICATED)
    paces = list(living.values_list("silence_held_at", "deadline_at", "heartbeat_interval", "heartbeat_timeout"))
    silent = sum(
        held is not None or deadline + timedelta(seconds=2 * pace - timeout) < now
        for held, deadline, pace, timeout in paces
    )
    bounds = settings.GATEWAY
    if silent <= bounds["mass_silence_sessions"] or silent * 100 <= len(paces) * bounds["mass_silence_percent"]:
        return {}
    text = f"{silent} of {len(paces)} sessions are silent; their expiry is held for one timeout"
    alerts.raise_alert(code=AlertCode.MASS_SILENCE, text=text, now=now)
    return {row.id: now + timedelta(seconds=row.heartbeat_timeout) for row in fresh}
