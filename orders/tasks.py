"""Housekeeping that Celery beat starts. Each task calls one service; each gateway process's sweep does the same."""

from celery import shared_task

from orders.services.copies import due_copies


@shared_task(name="orders.carry_out_due", ignore_result=True)
def carry_out_due() -> int:
    """Cancel the pending copies that have not filled in time, and end those that outlive their master's position."""
    return due_copies.carry_out()
