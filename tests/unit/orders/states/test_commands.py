"""Commands, their states, and which report leads where."""

import json
from uuid import UUID

import pytest

from orders.domain.states import copies
from orders.domain.states.commands import BY_REPORT, MOVES, UNFINISHED, CommandState, may_move
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.wire.commands import MAX_COPY_NO, OrderCommand, magic_of
from orders.domain.wire.intents import Action, Side
from orders.domain.wire.reports import ReportStatus
from sessions_app.domain.decimals import Lots, Price, to_json

UNNUMBERED = {CommandState.HELD}
FINAL = {CommandState.DONE, CommandState.REJECTED}


def test_the_table_of_moves_holds_every_state() -> None:
    assert set(MOVES) == set(CommandState)


def test_every_report_status_leads_to_a_state() -> None:
    assert set(BY_REPORT) == set(ReportStatus)


def test_every_state_but_the_first_is_reached_by_a_move() -> None:
    assert set().union(*MOVES.values()) == set(CommandState) - UNNUMBERED


def test_only_done_and_rejected_are_final() -> None:
    assert {state for state, moves in MOVES.items() if not moves} == FINAL


def test_staying_is_no_move() -> None:
    assert not any(may_move(state, state) for state in CommandState)


def test_a_numbered_command_never_loses_its_number() -> None:
    for state in set(CommandState) - UNNUMBERED:
        assert not MOVES[state] & {CommandState.HELD, CommandState.QUEUED}


def test_work_without_a_number_may_expire_but_never_be_reported() -> None:
    assert MOVES[CommandState.HELD] == {CommandState.QUEUED, CommandState.EXPIRED, CommandState.VOID}


@pytest.mark.parametrize("state", [CommandState.VOID, CommandState.EXPIRED])
def test_a_fill_after_a_void_is_legal(state: CommandState) -> None:
    assert may_move(state, CommandState.DONE)


@pytest.mark.parametrize("status", [status for status in ReportStatus if status is not ReportStatus.ACCEPTED])
def test_every_outcome_may_end_what_was_queued(status: ReportStatus) -> None:
    assert may_move(CommandState.QUEUED, BY_REPORT[status])
    assert may_move(CommandState.RECEIVED, BY_REPORT[status])


def test_an_unknown_outcome_can_still_become_any_certain_one() -> None:
    assert MOVES[CommandState.UNKNOWN] >= FINAL | {CommandState.WORKING, CommandState.EXPIRED}


def test_what_has_no_outcome_yet_is_unfinished() -> None:
    assert not any(state in UNFINISHED for state in FINAL | UNNUMBERED | {CommandState.WORKING})
    assert {CommandState.QUEUED, CommandState.RECEIVED, CommandState.UNKNOWN} == UNFINISHED


def test_a_copys_magic_number_gives_its_copy_number_back_and_fits_mt4() -> None:
    assert magic_of(1) == 0x5A000001
    assert magic_of(MAX_COPY_NO) & MAX_COPY_NO == MAX_COPY_NO
    assert magic_of(MAX_COPY_NO) < 2**31
    assert len({magic_of(number) for number in (1, 2, 255, 256, MAX_COPY_NO)}) == 5


def test_a_command_is_sent_with_plain_decimals_and_without_what_it_has_not() -> None:
    command = OrderCommand(
        command_id=UUID(int=1),
        action=Action.OPEN,
        copy_no=1,
        magic=magic_of(1),
        position_id=7,
        symbol="EURUSD",
        side=Side.BUY,
        lots=Lots("0.10000000"),
        sl=Price("1.0900000"),
        lots_before=Lots("0E-8"),
        lots_after=Lots("0.10"),
    )
    sent = json.loads(to_json(command))
    assert (sent["lots"], sent["sl"], sent["lots_before"], sent["lots_after"]) == ("0.1", "1.09", "0", "0.1")
    assert "tp" not in sent
    assert "valid_until" not in sent


def test_a_copys_table_holds_every_state_and_a_closed_copy_can_only_turn_out_to_be_there() -> None:
    assert set(copies.MOVES) == set(CopyState)
    assert copies.MOVES[CopyState.CLOSED] == {CopyState.WORKING, CopyState.OPEN}


def test_a_copy_that_failed_comes_to_life_by_a_late_fact() -> None:
    assert CopyState.OPEN in copies.MOVES[CopyState.FAILED]
    assert set(CopyState) - {CopyState.CLOSED, CopyState.FAILED} == ALIVE
