"""The conformance suite is whole, and its page is in step with it."""

import re
from typing import Final

import pytest

from tests.conformance.cases import AWAITED, CASES, REASONS, Mark
from tests.conformance.record import Record
from tests.conformance.report import DOCUMENT, LANES, files_by_case, render

OURS = {number for number, case in CASES.items() if case.mark is not Mark.HOST}
WITHOUT_RESULTS: Final = 4  # columns: case, needs, what, tests


def table(page: str) -> dict[str, list[str]]:
    """The rows of all tables by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in page.splitlines() if line[:1] == "|"]
    return {cells[0]: cells for cells in rows}


def test_every_case_has_a_test_or_a_reason() -> None:
    tested = files_by_case().keys()
    assert sorted(OURS - tested - REASONS.keys()) == []
    assert sorted(tested - OURS) == []
    assert sorted(AWAITED.keys() - tested) == []


def test_the_page_lists_the_cases_their_tests_and_every_lane() -> None:
    written = table(DOCUMENT.read_text(encoding="utf-8"))
    expected = table(render({lane: {} for lane in LANES}))
    assert written["case"] == expected["case"]
    assert {number: cells[:WITHOUT_RESULTS] for number, cells in written.items()} == {
        number: cells[:WITHOUT_RESULTS] for number, cells in expected.items()
    }


@pytest.mark.parametrize(
    ("variant", "way"),
    [
        ("socket-ea-before", "socket-ea"),
        ("exchange-ea", "exchange-ea"),
        ("exchange-mt5-ea", "exchange-mt5-ea"),
        ("exchange", "exchange"),
        ("before its outbox line-exchange-mt5-ea", "exchange-mt5-ea"),
        ("True-socket", "socket"),
    ],
)
def test_what_the_ea_plays_is_recorded_apart_from_what_the_sdk_plays(variant: str, way: str) -> None:
    record = Record()
    place = ("test_sdk.py", 1, "")
    record.note(pytest.TestReport(f"test_sdk.py::test_case_056_x[{variant}]", place, {}, "passed", None, "call"))
    assert record.outcomes == {56: {way: ("passed", "")}}


def test_the_page_shows_a_pass_on_every_lane_or_the_reason_why_not() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    told = {(number, cell) for number in OURS for cell in table(page)[str(number)][WITHOUT_RESULTS + 1 :]}
    unexplained = {(number, cell) for number, cell in told if cell != "pass" and not _explained(cell, page)}
    assert sorted(unexplained) == []


def _explained(cell: str, page: str) -> bool:
    reasons = re.findall(r"\[(\d+)\]", cell)
    return bool(reasons) and "fail" not in cell and all(f"\n{reason}. " in page for reason in reasons)
