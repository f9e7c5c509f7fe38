"""The conformance suite is whole."""

from tests.conformance.cases import AWAITED, CASES, REASONS, Mark
from tests.conformance.report import files_by_case

OURS = {number for number, case in CASES.items() if case.mark is not Mark.HOST}


def test_every_case_has_a_test_or_a_reason() -> None:
    tested = files_by_case().keys()
    assert sorted(OURS - tested - REASONS.keys()) == []
    assert sorted(tested - OURS) == []
    assert sorted(AWAITED.keys() - tested) == []
