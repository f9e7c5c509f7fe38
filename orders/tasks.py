"""Housekeeping that Celery beat starts. Each gateway process's sweep carries out what is due, too."""

from celery import shared_task

from orders.services.copies import due_copies, retention
from sessions_app import queries
from sessions_app.services.operations.retention import forget_frames


@shared_task(name="orders.carry_out_due", ignore_result=True)
def carry_out_due() -> int:
    """Cancel the pending copies that have not filled in time, and end those that outlive their master's position."""
    return due_copies.carry_out()


@shared_task(name="orders.forget_history", ignore_result=True)
def forget_history() -> int:
    """Delete history beyond its age, if it has one."""
    now = queries.database_now()
    return retention.forget(now=now) + forget_frames(now=now)
