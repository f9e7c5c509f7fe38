"""Why something is in its state: the short words that rows keep, each with its sentence for documents and pages."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class CommandReason(StrEnum):
    """Why a command has ended, or waits, without the broker's word."""

    MISSED = "missed"
    NOT_WANTED = "not_wanted"
    SUPERSEDED = "superseded"
    NOT_EXECUTED = "not_executed"
    IN_DOUBT = "in_doubt"
    CANCELLED = "cancelled"
    FROM_SNAPSHOT = "from_snapshot"
    SIGNAL_TOO_OLD = "signal_too_old"
    OPEN_EXPIRED = "open_expired"
    DECIDED_ON_OTHER_SESSION = "decided_on_other_session"
    SUBSCRIPTION_CLOSE_ONLY = "subscription_close_only"


class ReportFlag(StrEnum):
    """What is odd about a report. It is kept all the same."""

    FROM_SNAPSHOT = "from_snapshot"
    AFTER_SNAPSHOT = "after_snapshot"
    AFTER_VOID = "after_void"
    OUT_OF_ORDER = "out_of_order"
    DIFFERS_FROM_FIRST = "differs_from_first"
    FILLED_AFTER_CANCEL = "filled_after_cancel"
    UNDER_FILLED = "under_filled"


class CloseCause(StrEnum):
    """Why a copy is closed to us, where it was not one of the broker's causes."""

    COMMAND = "command"
    GONE = "gone"
    DETACHED = "detached"


class DifferenceReason(StrEnum):
    """Why a difference is not repaired for now, or how it ended."""

    NOTIFY = "notify"
    NO_QUOTE = "no_quote"
    PRICE_GATE = "price_gate"
    OWN_STOPS = "own_stops"
    ON_ITS_WAY = "on_its_way"
    REPAIR_FAILED = "repair_failed"
    PAUSE = "pause"
    NO_TICKETS = "no_tickets"
    CHANGED = "changed"


class WaitReason(StrEnum):
    """What a copy that is not where it shall be waits for."""

    ON_ITS_WAY = "on_its_way"
    LEGS = "legs"
    IN_DOUBT = "in_doubt"
    PAUSE = "pause"
    MARKET_CLOSED = "market_closed"
    FAULT = "fault"


class WaitCode(StrEnum):
    """Why nothing was opened after a wait, where no rule of the decision denied it."""

    CANCEL_REJECTED = "cancel_rejected"
    NOT_SHOWN = "not_shown"
    NEVER_PLACED = "never_placed"


COMMAND_REASONS: Final[Mapping[CommandReason, str]] = {
    CommandReason.MISSED: "an open was not executed in time",
    CommandReason.NOT_WANTED: "the copy was given up before it was executed",
    CommandReason.SUPERSEDED: "a later command of the same copy leads there too",
    CommandReason.NOT_EXECUTED: "the broker knows nothing of it; the next attempt has taken its place",
    CommandReason.IN_DOUBT: "another terminal may have executed it; a book tells",
    CommandReason.CANCELLED: "the working order that it placed was cancelled",
    CommandReason.FROM_SNAPSHOT: "its outcome was read off a book",
    CommandReason.SIGNAL_TOO_OLD: "an open was too old when the account was authenticated for the first time",
    CommandReason.OPEN_EXPIRED: "the open in front of it was not carried out",
    CommandReason.DECIDED_ON_OTHER_SESSION: "it was decided on what a terminal with another key had told",
    CommandReason.SUBSCRIPTION_CLOSE_ONLY: "the subscription was paused or switched off before the EA had heard of it",
}
REPORT_FLAGS: Final[Mapping[ReportFlag, str]] = {
    ReportFlag.FROM_SNAPSHOT: "nobody has sent it: a book proves it",
    ReportFlag.AFTER_SNAPSHOT: "a book had proved it before it was reported",
    ReportFlag.AFTER_VOID: "its command was void or expired already",
    ReportFlag.OUT_OF_ORDER: "its command cannot come there from its state; nothing was changed",
    ReportFlag.DIFFERS_FROM_FIRST: "it gives other figures than the first report of its attempt",
    ReportFlag.FILLED_AFTER_CANCEL: "a pending order filled that was reported as cancelled",
    ReportFlag.UNDER_FILLED: "its order is over, and fewer lots have filled than were ordered",
}
CLOSE_CAUSES: Final[Mapping[CloseCause, str]] = {
    CloseCause.COMMAND: "a command of ours closed it",
    CloseCause.GONE: "a book did not show it; another one may",
    CloseCause.DETACHED: "its subscription was switched off, and it stays open as the follower's own",
}
DIFFERENCE_REASONS: Final[Mapping[DifferenceReason, str]] = {
    DifferenceReason.NOTIFY: "the policy of this kind only tells",
    DifferenceReason.NO_QUOTE: "the market is not known",
    DifferenceReason.PRICE_GATE: "the market is too far from the price, or beyond a stop that would be set",
    DifferenceReason.OWN_STOPS: "the follower has a stop of his own where the master has none",
    DifferenceReason.ON_ITS_WAY: "a command of this copy has no outcome yet",
    DifferenceReason.REPAIR_FAILED: "the repair was carried out, and the difference stands; tried again after a pause",
    DifferenceReason.PAUSE: "it was refused, or had no effect; it is tried again after a pause",
    DifferenceReason.NO_TICKETS: "its EA does not tell two positions of one magic number apart: close one by hand",
    DifferenceReason.CHANGED: "another difference of the same subject took its place",
}
WAIT_REASONS: Final[Mapping[WaitReason, str]] = {
    WaitReason.ON_ITS_WAY: "a command that leads there has no outcome yet",
    WaitReason.LEGS: "another leg of its position has no outcome yet",
    WaitReason.IN_DOUBT: "it is not known whether a command was carried out; a book tells",
    WaitReason.PAUSE: "the broker has refused; it is tried again after a pause",
    WaitReason.MARKET_CLOSED: "the market is closed; it is tried again after 15 s, then every minute",
    WaitReason.FAULT: "the gateway failed to lead this copy; an operator has been called, and it is tried again",
}
WAIT_CODES: Final[Mapping[WaitCode, str]] = {
    WaitCode.CANCEL_REJECTED: "the broker would not cancel the working order",
    WaitCode.NOT_SHOWN: "a book does not show the order: cancelled, or filled and closed",
    WaitCode.NEVER_PLACED: "the order was refused, or came too late to be placed",
}
