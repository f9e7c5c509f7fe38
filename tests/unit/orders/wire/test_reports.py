"""What a broker did."""

from typing import Any
from uuid import UUID

import pytest

from orders.domain.wire.intents import ACCOUNT_CAUSES, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus, fault
from sessions_app.domain.decimals import Money


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
