"""Closes of a second position with a copy's magic number: nothing of them is the copy's."""

from datetime import timedelta
from typing import Final

from orders.domain.copies.rejections import classify, pause_before_closing
from orders.domain.states.commands import CommandState
from orders.services.reports.work import Reports
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.services.lifecycle import snapshot_requests

_OVER: Final = frozenset({CommandState.DONE, CommandState.REJECTED, CommandState.EXPIRED})


def look_again(work: Reports) -> None:
    """Ask for a book when one of them is over: it says whether the position is gone, or has it closed once more.

    What was refused is asked about when it may be tried again, as with any close.
    """
    for command in work.moved.values():
        if command.ticket is None or command.state not in _OVER:
            continue
        pause = timedelta(0)
        if command.state != CommandState.DONE:
            pause = pause_before_closing(classify(command.error_code), command.attempt)
        at = work.log.now + pause
        snapshot_requests.fall_due(accounts=[command.account_id], reason=SnapshotReason.IN_DOUBT, at=at)
