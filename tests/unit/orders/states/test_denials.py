"""Every "no" and every "nothing to do" in one enum."""

from pathlib import Path

import pytest

from orders.domain.states.denials import SENTENCES, Code, Denied

DOCUMENT = Path(__file__).parents[4] / "docs" / "copying.md"


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_for_the_page(code: Code) -> None:
    assert SENTENCES[code].endswith(".")


def test_no_two_codes_say_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(Code)


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained_in_the_document_by_the_same_sentence(code: Code) -> None:
    (row,) = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| `{code.value}` |")]
    assert row.endswith(f"| {SENTENCES[code]} |")


def test_a_denial_carries_what_it_looked_at() -> None:
    denied = Denied(Code.TOMBSTONED, position_id=7)
    assert (denied.code, denied.evidence, str(denied)) == (Code.TOMBSTONED, {"position_id": 7}, "tombstoned")
