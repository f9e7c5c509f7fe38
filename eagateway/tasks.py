"""What shows that the worker works."""

from celery import shared_task

from sessions_app.services.operations import ticks


@shared_task(name="housekeeping.tick", ignore_result=True)
def tick() -> None:
    """Note that a worker has carried this out."""
    ticks.note(ticks.WORKER)
