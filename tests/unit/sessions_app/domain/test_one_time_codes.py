"""Codes of a phone against the vectors of RFC 6238, and recovery codes."""

import base64
from typing import Final

import pytest

from sessions_app.domain import one_time_codes
from sessions_app.domain.one_time_codes import code_at, new_recovery_codes, recovery_digest, step_of

SECRET: Final = base64.b32encode(b"12345678901234567890").decode()
# RFC 6238, appendix B, SHA-1: seconds, and the last six of its eight digits.
VECTORS: Final = {
    59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037",
    20000000000: "353130",
}  # fmt: skip


@pytest.mark.parametrize("seconds", VECTORS)
def test_codes_are_those_of_the_standard(seconds: int) -> None:
    assert code_at(SECRET, seconds // 30) == VECTORS[seconds]


def test_a_code_is_good_half_a_minute_before_and_after_its_own() -> None:
    for seconds, found in ((59 - 31, 1), (59, 1), (59 + 30, 1), (59 + 61, None)):
        assert step_of(SECRET, "287082", seconds=seconds, after=0) == found


def test_a_code_that_was_taken_is_taken_no_more_nor_an_older_one() -> None:
    assert step_of(SECRET, "287082", seconds=59, after=1) is None
    assert step_of(SECRET, code_at(SECRET, 2), seconds=59, after=1) == 2


def test_recovery_codes_are_ten_and_read_as_people_type_them() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == one_time_codes.RECOVERY_CODES == 10
    assert {len(code) for code in codes} == {19}
    assert recovery_digest(codes[0]) == recovery_digest(codes[0].upper().replace("-", " "))
    assert recovery_digest(codes[0]) != recovery_digest(codes[1])
