"""Every "no" and every "nothing to do" in one enum."""

import pytest

from orders.domain.denials import SENTENCES, Code, Denied


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_for_the_page(code: Code) -> None:
    assert SENTENCES[code].endswith(".")


def test_no_two_codes_say_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(Code)


def test_a_denial_carries_what_it_looked_at() -> None:
    denied = Denied(Code.TOMBSTONED, position_id=7)
    assert (denied.code, denied.evidence, str(denied)) == (Code.TOMBSTONED, {"position_id": 7}, "tombstoned")
