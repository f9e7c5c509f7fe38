"""States of sessions and keys."""

import pytest

from sessions_app.domain.lifecycle import (
    GRANT_MOVES,
    KEY_MOVES,
    LIVING,
    SESSION_MOVES,
    CloseCode,
    GrantState,
    KeyState,
    Reason,
    SessionStatus,
    close_code,
)


def test_the_tables_hold_every_state() -> None:
    assert set(SESSION_MOVES) == set(SessionStatus)
    assert set(KEY_MOVES) == set(KeyState)
    assert set(GRANT_MOVES) == set(GrantState)


def test_a_session_lives_as_long_as_it_can_still_move() -> None:
    assert {status for status, moves in SESSION_MOVES.items() if moves} == LIVING


def test_every_session_begins_pending_and_every_status_can_be_reached() -> None:
    reached = {SessionStatus.PENDING}.union(*SESSION_MOVES.values())
    assert reached == set(SessionStatus)
    assert all(SessionStatus.PENDING not in moves for moves in SESSION_MOVES.values())


def test_an_authenticated_session_can_only_close() -> None:
    assert SESSION_MOVES[SessionStatus.AUTHENTICATED] == {SessionStatus.CLOSED}


def test_a_rejected_or_revoked_key_never_comes_back() -> None:
    assert not KEY_MOVES[KeyState.REJECTED] | KEY_MOVES[KeyState.REVOKED]


def test_a_key_is_approved_or_rejected_only_while_it_is_pending() -> None:
    assert KEY_MOVES[KeyState.PENDING] == {KeyState.APPROVED, KeyState.REJECTED}
    assert KEY_MOVES[KeyState.APPROVED] == {KeyState.REVOKED}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.PREEMPTED, CloseCode.PREEMPTED),
        (Reason.HEARTBEAT_TIMEOUT, CloseCode.HEARTBEAT_TIMEOUT),
        (Reason.KEY_REVOKED, CloseCode.KEY_REFUSED),
        (Reason.KEY_REJECTED, CloseCode.KEY_REFUSED),
        (Reason.ACCOUNT_SUSPENDED, CloseCode.KEY_REFUSED),
        (Reason.PROTOCOL_ERROR, CloseCode.PROTOCOL_ERROR),
        (Reason.SHUTDOWN_BY_EA, CloseCode.SESSION_CLOSED),
        (Reason.CLOSED_BY_OPERATOR, CloseCode.SESSION_CLOSED),
        ("pending_lapsed", CloseCode.SESSION_CLOSED),
    ],
)
def test_a_socket_is_told_by_its_close_code_why_its_session_ended(reason: Reason | str, code: int) -> None:
    assert close_code(reason) == code


def test_every_end_of_a_session_has_a_code_that_ends_it() -> None:
    assert all(4400 <= close_code(reason) < 4500 for reason in Reason)
