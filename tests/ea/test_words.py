"""Every problem of the gateway and every error of the terminal has a sentence that tells a trader what to do."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = (ROOT / "ea" / "core" / "Errors.mqh").read_text(encoding="ascii")
TRADE_ERRORS: Final = {
    *range(10), 64, 65, *range(128, 144), 145, 146, 147, 148, 149, 150,
}  # fmt: skip
"""The return codes of MetaTrader 4's trade server, from its documentation; 144 is not among them."""
UNKNOWN_OUTCOMES: Final = {1, 2, 128, 142, 143}
SHORTEST, LONGEST = 8, 126
OF_PROGRAMS: Final = {
    "conflict", "left_to_staff", "management_token_refused", "outcome_unknown", "scope_insufficient",
    "tenant_suspended",
}  # fmt: skip
"""Told by the management API alone: an EA never hears them."""


def sentences(function: str) -> list[str]:
    """The texts in a function, in their order."""
    body = SOURCE.partition(f"string {function}(")[2].partition("\n  }\n")[0]
    return re.findall(r'"([^"]*)"', body)


def market() -> dict[int, str]:
    """Sentence by error of the terminal."""
    body = SOURCE.partition("string MarketSentence(")[2].partition("};")[0]
    codes = [int(number) for number in re.findall(r"\b\d+\b", body.partition("{\n      ")[2])]
    return dict(zip(codes, sentences("MarketSentence"), strict=False))


def problems() -> dict[str, str]:
    """Sentence by the gateway's code."""
    texts = [text for text in sentences("ProblemSentence") if text]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def documented() -> set[str]:
    """The codes in the tables of docs/errors.md."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    tables = re.findall(r"<!-- generated:(?:http-)?problems -->(.*?)<!-- /generated -->", text, re.S)
    return {code for table in tables for code in re.findall(r"^\| `(\w+)` \|", table, re.M)}


def test_every_problem_of_the_gateway_has_a_sentence_and_nothing_else_has() -> None:
    assert len(documented()) > 40
    assert set(problems()) == documented() - OF_PROGRAMS
    assert documented() >= OF_PROGRAMS


def test_every_error_of_the_trade_server_has_a_sentence() -> None:
    assert TRADE_ERRORS - set(market()) == set()
    codes = len(re.findall(r"\b\d+\b", SOURCE.partition("int codes[]=")[2].partition("};")[0]))
    last = sentences("MarketSentence")[codes:]
    assert last == ["Error ", " of the terminal. Tell your operator."]  # as many sentences as codes


def test_a_sentence_is_one_that_a_chart_has_room_for() -> None:
    for text in (*problems().values(), *market().values()):
        assert SHORTEST < len(text) <= LONGEST, text
        assert text.isascii()
        assert text.endswith("."), text
        assert text[0].isupper(), text


def test_what_nobody_knows_the_outcome_of_is_never_sent_again() -> None:
    table = SOURCE.partition("EMarket MarketClass(")[2].partition("bool IsUnknownOutcome")[0]
    groups = re.findall(r"((?:case \d+:\s*)+)return\((\w+)\)", table)
    unknown = {
        int(number) for cases, kind in groups if kind == "MARKET_UNKNOWN" for number in re.findall(r"\d+", cases)
    }
    assert unknown == UNKNOWN_OUTCOMES
