"""Housekeeping that Celery beat starts. Each task calls one service; each gateway process's sweep does the same."""

from celery import shared_task

from sessions_app.services import sessions


@shared_task(name="sessions.expire_overdue", ignore_result=True)
def expire_overdue() -> int:
    """Close sessions whose heartbeat is overdue."""
    return sessions.expire_overdue()


@shared_task(name="sessions.lapse_pending", ignore_result=True)
def lapse_pending() -> int:
    """End pending sessions that nobody approved in time."""
    return sessions.lapse_pending()
