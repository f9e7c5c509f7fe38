"""States of sessions, keys and grants, one literal table each, and the reasons that rows keep.

Models, constraints, docs and diagrams read these.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class SessionStatus(StrEnum):
    PENDING = "pending"
    AUTHENTICATED = "authenticated"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    CLOSED = "closed"


class KeyState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"


class GrantState(StrEnum):
    GRANTED = "granted"
    REVOKED = "revoked"


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Reason(StrEnum):
    """Why a session, a key, a grant or an account changed its state."""

    ASKED = "asked"
    KEY_APPROVED = "key_approved"
    KEY_RETIRES = "key_retires"
    GRANTED = "granted"
    PREEMPTED = "preempted"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    SHUTDOWN_BY_EA = "shutdown_by_ea"
    SHUTDOWN_BY_SERVER = "shutdown_by_server"
    KEY_REVOKED = "key_revoked"
    KEY_REJECTED = "key_rejected"
    ACCOUNT_SUSPENDED = "account_suspended"
    SUSPENSION_LIFTED = "suspension_lifted"
    PROTOCOL_ERROR = "protocol_error"
    CLOSED_BY_OPERATOR = "closed_by_operator"
    PENDING_LAPSED = "pending_lapsed"


SESSION_REASONS: Final[Mapping[Reason, str]] = {
    Reason.ASKED: "an EA asked for it",
    Reason.KEY_APPROVED: "a person approved the key, or the key was approved already",
    Reason.KEY_RETIRES: "a person set the end of an approved key's overlap with its successor",
    Reason.GRANTED: "an account was granted to whom a token speaks of",
    Reason.PREEMPTED: "a newer session of the account was authorised",
    Reason.HEARTBEAT_TIMEOUT: "no StatusHeartbeat in time",
    Reason.SHUTDOWN_BY_EA: "the EA said goodbye, or `DELETE /sessions/{id}`",
    Reason.SHUTDOWN_BY_SERVER: "only in ShutdownNotice: the gateway stops, sessions go on",
    Reason.KEY_REVOKED: "the key, or the grant that the session rested on, was revoked",
    Reason.KEY_REJECTED: "a person rejected the key",
    Reason.ACCOUNT_SUSPENDED: "a person suspended the account",
    Reason.SUSPENSION_LIFTED: "a person lifted the account's suspension",
    Reason.PROTOCOL_ERROR: "sequence conflict, too much garbage, or reports about other accounts' commands",
    Reason.CLOSED_BY_OPERATOR: "a person ended the session",
    Reason.PENDING_LAPSED: "nobody decided about the key in time",
}


class SnapshotReason(StrEnum):
    """Why a snapshot is asked for."""

    SESSION_START = "session_start"
    SCHEDULE = "schedule"
    ON_REQUEST = "on_request"
    UNKNOWN_OUTCOME = "unknown_outcome"
    LATE_FACT = "late_fact"
    IN_DOUBT = "in_doubt"
    NEW_EPOCH = "new_epoch"
    INCOMPLETE = "incomplete"


SESSION_MOVES: Final[Mapping[SessionStatus, frozenset[SessionStatus]]] = {
    SessionStatus.PENDING: frozenset(
        {SessionStatus.AUTHENTICATED, SessionStatus.REJECTED, SessionStatus.LAPSED, SessionStatus.CLOSED}
    ),
    SessionStatus.AUTHENTICATED: frozenset({SessionStatus.CLOSED}),
    # An ended session never lives again: its terminal opens another one, with its own number and fence.
    SessionStatus.REJECTED: frozenset(),
    SessionStatus.LAPSED: frozenset(),
    SessionStatus.CLOSED: frozenset(),
}

KEY_MOVES: Final[Mapping[KeyState, frozenset[KeyState]]] = {
    KeyState.PENDING: frozenset({KeyState.APPROVED, KeyState.REJECTED}),
    KeyState.APPROVED: frozenset({KeyState.REVOKED}),
    KeyState.REJECTED: frozenset(),
    # For good: a key that was stolen must not come back by mistake. The owner makes another one.
    KeyState.REVOKED: frozenset(),
}

GRANT_MOVES: Final[Mapping[GrantState, frozenset[GrantState]]] = {
    GrantState.GRANTED: frozenset({GrantState.REVOKED}),
    # A grant names who it is for, and holds no secret that could have leaked: it may be given again.
    GrantState.REVOKED: frozenset({GrantState.GRANTED}),
}

LIVING: Final = frozenset({SessionStatus.PENDING, SessionStatus.AUTHENTICATED})


class CloseCode:
    """WebSocket close codes of the protocol: 40xx keep the session, 44xx end or refuse it."""

    SERVICE_RESTART: Final = 4012
    TRY_LATER: Final = 4013
    PROTOCOL_ERROR: Final = 4400
    TOKEN_INVALID: Final = 4401
    KEY_REFUSED: Final = 4403
    VERSION_UNSUPPORTED: Final = 4406
    HEARTBEAT_TIMEOUT: Final = 4408
    PREEMPTED: Final = 4409
    SESSION_CLOSED: Final = 4410
    SUPERSEDED: Final = 4411
    FLOOD: Final = 4429


_WORDS: Final[Mapping[Reason, str]] = {
    Reason.PREEMPTED: "a newer session of this account is in charge",
    Reason.HEARTBEAT_TIMEOUT: "no StatusHeartbeat came in time",
    Reason.SHUTDOWN_BY_EA: "the EA said goodbye",
    Reason.SHUTDOWN_BY_SERVER: "the gateway ended it",
    Reason.KEY_REVOKED: "its key was revoked",
    Reason.KEY_REJECTED: "its key was rejected",
    Reason.ACCOUNT_SUSPENDED: "the account is suspended",
    Reason.PROTOCOL_ERROR: "it sent too much that could not be read, or one number for two frames",
    Reason.CLOSED_BY_OPERATOR: "an operator closed it",
    Reason.PENDING_LAPSED: "its key was not approved in time",
}


def in_words(reason: str) -> str:
    """Why a session has ended, for a person, with the name that programs know."""
    words = _WORDS.get(Reason(reason)) if reason else None
    return f"{words} ({reason})" if words else reason or "nobody knows why"


_CLOSE_CODES: Final[Mapping[Reason, int]] = {
    Reason.PREEMPTED: CloseCode.PREEMPTED,
    Reason.HEARTBEAT_TIMEOUT: CloseCode.HEARTBEAT_TIMEOUT,
    Reason.KEY_REVOKED: CloseCode.KEY_REFUSED,
    Reason.KEY_REJECTED: CloseCode.KEY_REFUSED,
    Reason.ACCOUNT_SUSPENDED: CloseCode.KEY_REFUSED,
    Reason.PROTOCOL_ERROR: CloseCode.PROTOCOL_ERROR,
}


def close_code(reason: Reason | str) -> int:
    """The close code that tells a socket why its session has ended."""
    return _CLOSE_CODES.get(Reason(reason), CloseCode.SESSION_CLOSED)


CLOSE_PROBLEMS: Final[Mapping[int, str]] = {
    CloseCode.SERVICE_RESTART: "service_restart",
    CloseCode.TRY_LATER: "try_later",
    CloseCode.PROTOCOL_ERROR: "protocol_error",
    CloseCode.TOKEN_INVALID: "token_invalid",
    CloseCode.KEY_REFUSED: "key_refused",
    CloseCode.VERSION_UNSUPPORTED: "version_unsupported",
    CloseCode.HEARTBEAT_TIMEOUT: "heartbeat_timeout",
    CloseCode.PREEMPTED: "preempted",
    CloseCode.SESSION_CLOSED: "session_closed",
    CloseCode.SUPERSEDED: "superseded",
    CloseCode.FLOOD: "flood",
}
"""What an exchange is answered with where a socket would be closed: the code of a problem, which has the status."""
