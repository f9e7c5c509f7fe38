"""Sentences that are English for programs, and another language on a page."""

import json

from sessions_app.domain.said import say, translated

GERMAN = {"expected %(what)s": "erwartet: %(what)s", "a list": "eine Liste"}


def translate(text: str) -> str:
    return GERMAN.get(text, text)


def test_a_sentence_is_its_english_wherever_a_text_is_wanted() -> None:
    said = say("expected %(what)s", what=say("a list"))
    assert said == "expected a list"
    assert f"x: {said}" == "x: expected a list"
    assert json.dumps([said]) == '["expected a list"]'


def test_a_sentence_is_translated_with_what_was_filled_in() -> None:
    assert translated(say("expected %(what)s", what=say("a list")), translate) == "erwartet: eine Liste"
    assert translated(say("expected %(what)s", what=7), translate) == "erwartet: 7"


def test_what_somebody_else_has_written_stays_as_it_is() -> None:
    assert translated("a list", translate) == "a list"
    assert translated(None, translate) is None
    assert translated(say("expected %(what)s", what="a list"), translate) == "erwartet: a list"
