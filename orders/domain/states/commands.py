"""States of a command, and which report leads where."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from orders.domain.wire.reports import ReportStatus


class CommandState(StrEnum):
    """`held`: decided while the follower is pending, without a number yet. Numbered from `queued` on."""

    HELD = "held"
    QUEUED = "queued"
    RECEIVED = "received"
    WORKING = "working"
    DONE = "done"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"
    UNKNOWN = "unknown"


_ENDS: Final = frozenset(
    {
        CommandState.WORKING,
        CommandState.DONE,
        CommandState.REJECTED,
        CommandState.EXPIRED,
        CommandState.VOID,
        CommandState.UNKNOWN,
    }
)
MOVES: Final[Mapping[CommandState, frozenset[CommandState]]] = {
    # A held command has no number, so no EA can know of it or report it.
    CommandState.HELD: frozenset({CommandState.QUEUED, CommandState.EXPIRED, CommandState.VOID}),
    CommandState.QUEUED: _ENDS | {CommandState.RECEIVED},
    CommandState.RECEIVED: _ENDS,
    CommandState.WORKING: _ENDS - {CommandState.WORKING},
    CommandState.UNKNOWN: _ENDS - {CommandState.UNKNOWN},
    CommandState.EXPIRED: frozenset({CommandState.DONE, CommandState.WORKING}),  # the EA's ledger said otherwise
    CommandState.VOID: frozenset({CommandState.DONE, CommandState.WORKING}),  # filled before the EA heard of the void
    CommandState.DONE: frozenset(),
    # What a broker refused is over; another try is a command with a number of its own.
    CommandState.REJECTED: frozenset(),
}
SENDABLE: Final = frozenset({CommandState.QUEUED, CommandState.RECEIVED})
UNFINISHED: Final = SENDABLE | {CommandState.UNKNOWN}
"""Without an outcome. What is unknown is asked about, never sent again."""

BY_REPORT: Final[Mapping[ReportStatus, CommandState]] = {
    ReportStatus.ACCEPTED: CommandState.RECEIVED,
    ReportStatus.FILLED: CommandState.DONE,
    ReportStatus.PARTIALLY_FILLED: CommandState.WORKING,
    ReportStatus.PLACED: CommandState.WORKING,
    ReportStatus.MODIFIED: CommandState.DONE,
    ReportStatus.CLOSED: CommandState.DONE,
    ReportStatus.CANCELLED: CommandState.DONE,
    ReportStatus.REJECTED: CommandState.REJECTED,
    ReportStatus.EXPIRED: CommandState.EXPIRED,
    ReportStatus.UNKNOWN: CommandState.UNKNOWN,
}


def may_move(before: CommandState, after: CommandState) -> bool:
    """Whether a report may move a command from `before` to `after`; staying is no move."""
    return after in MOVES[before]
