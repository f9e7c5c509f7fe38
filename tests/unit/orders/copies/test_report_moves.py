"""Where reports lead copies, and what the copies' table lets happen: the one never asks for what the other forbids."""

from itertools import product

import pytest

from orders.domain.copies.report_effects import CopyFacts, outcome
from orders.domain.states.copies import MOVES, CopyState
from orders.domain.states.reasons import CloseCause
from orders.domain.wire.intents import Action, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus
from sessions_app.domain.decimals import Lots

LOTS = (Lots("0"), Lots("0.1"), Lots("0.3"))
# A held command has no number, so no EA can know it: a report about it never reaches its copy.
KNOWN_TO_EAS = sorted(set(CopyState) - {CopyState.HELD})


@pytest.mark.parametrize("before", KNOWN_TO_EAS)
@pytest.mark.parametrize("status", ReportStatus)
def test_no_report_leads_a_copy_where_the_table_does_not(before: CopyState, status: ReportStatus) -> None:
    reached = set()
    facts = product(LOTS, LOTS, ("", CloseCause.GONE, CloseCause.DETACHED), (None, *LOTS[:2]))
    told = list(product((None, *Action), (None, LOTS[1]), (None, *LOTS[:2]), (None, Cause.MANUAL), (False, True)))
    for decided, lots_open, close_cause, coming in facts:
        copy = CopyFacts(before, decided, lots_open, 7, close_cause, lots_ordered=LOTS[2], lots_coming=coming)
        for action, lots, remaining, cause, already in told:
            report = ExecutionReport(
                status=status, ticket=7, lots=lots, remaining_lots=remaining, cause=cause, already=already
            )
            reached.add(outcome(copy, action, report).state)
    assert reached - {before} <= MOVES[before]
