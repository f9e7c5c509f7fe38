"""What a broker did."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orders.domain.wire.intents import ACCOUNT_CAUSES, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus, contradicts, fault
from sessions_app.domain.decimals import Lots, Money, Price


def report(**changes: Any) -> ExecutionReport:
    return ExecutionReport(**({"status": ReportStatus.CLOSED} | changes))


def test_a_report_of_a_command_needs_no_cause() -> None:
    assert fault(report(command_id=UUID(int=1))) is None


def test_a_fact_without_a_command_needs_its_cause() -> None:
    found = fault(report())
    assert found is not None
    assert found[0] == "$.cause"
    assert fault(report(cause=Cause.STOP_LOSS)) is None


@pytest.mark.parametrize("cause", sorted(ACCOUNT_CAUSES))
def test_a_change_of_the_account_needs_its_amount(cause: Cause) -> None:
    found = fault(report(cause=cause))
    assert found is not None
    assert found[0] == "$.profit"
    assert fault(report(cause=cause, profit=Money("-5"))) is None


FIRST = (7, Decimal("0.1"), Decimal("1.1"))


@pytest.mark.parametrize(
    ("second", "contradiction"),
    [
        ({"ticket": 7, "lots": Lots("0.10"), "price": Price("1.10000")}, False),
        ({}, False),
        ({"ticket": 8, "lots": Lots("0.1"), "price": Price("1.1")}, True),
        ({"lots": Lots("0.2")}, True),
        ({"price": Price("1.2")}, True),
    ],
)
def test_a_second_report_contradicts_the_first_by_any_other_figure(second: dict[str, Any], contradiction: bool) -> None:
    assert contradicts(report(**second), *FIRST) is contradiction
    assert contradicts(report(**second), None, None, None) is False
