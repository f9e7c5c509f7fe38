"""Housekeeping that Celery beat starts. Each task calls one service; each gateway process's sweep does the same."""

from celery import shared_task

from sessions_app import queries
from sessions_app.services.access import (
    browser_sessions,
    keys,
    lapsed_keys,
    management_requests,
    oauth_clients,
    rate_counters,
    sign_ins,
)
from sessions_app.services.lifecycle import ending, expiry
from sessions_app.services.operations import alert_notices, outbox, retention


@shared_task(name="sessions.expire_overdue", ignore_result=True)
def expire_overdue() -> int:
    """Close sessions whose heartbeat is overdue."""
    return expiry.expire_overdue()


@shared_task(name="sessions.lapse_pending", ignore_result=True)
def lapse_pending() -> int:
    """End pending sessions that nobody approved in time."""
    return ending.lapse_pending()


@shared_task(name="keys.revoke_retired", ignore_result=True)
def revoke_retired() -> int:
    """Revoke keys whose overlap with their successor is over."""
    return keys.revoke_retired()


@shared_task(name="sessions.forget_expired", ignore_result=True)
def forget_expired() -> None:
    """Delete what only had to be known for a while: tallies, tokens, people's sessions, what strangers stored."""
    now = queries.database_now()
    rate_counters.forget_tallies(now=now)
    oauth_clients.forget_expired_tokens(now=now)
    sign_ins.forget_old(now=now)
    browser_sessions.forget_old(now=now)
    management_requests.forget_old(now=now)
    retention.forget_unpromoted(now=now)
    lapsed_keys.forget_undecided(now=now)
    alert_notices.forget_old(before=now - outbox.KEPT)


@shared_task(name="outbox.work", ignore_result=True)
def work_outbox() -> int:
    """Tell people of alerts: make what is due into messages, and send them."""
    return outbox.work()
