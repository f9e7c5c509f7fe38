"""The catalogues of translations are whole, and are what the gateway reads."""

import gettext
import io
import re
from functools import cache
from typing import Final

import pytest
from django.conf import settings

from eagateway.documents import catalogues
from eagateway.documents.catalogues import Entry, Text

TRANSLATED: Final = [language for language, _ in settings.LANGUAGES if language != settings.LANGUAGE_CODE]
KEPT: Final = {
    "Limits", "Name", "Export", "Code", "Version", "Backoffice", "Browser", "Trade", "Trades", "Follower",
    "Master", "Passkeys", "Person", "Terminal", "Ticket", "Symbol", "Lots", "Equity", "Slippage", "offline",
}  # fmt: skip
"""Words that German has as English has them."""


@pytest.fixture(params=TRANSLATED)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


marked = cache(catalogues.marked)


def entries(language: str) -> dict[Text, Entry]:
    return catalogues.read(catalogues.place(language).read_text())


def test_every_marked_text_is_translated_in_earnest_with_its_placeholders_and_nothing_else_is(language: str) -> None:
    texts, found = marked(), entries(language)
    assert len(texts) > 700
    assert sorted(set(texts) - set(found)) == []
    assert sorted(set(found) - set(texts)) == []
    assert [entry.text for entry in found.values() if not entry.whole] == []


def test_the_file_is_as_the_command_writes_it(language: str) -> None:
    place = catalogues.place(language)
    assert catalogues.written(language, entries(language), marked()) == place.read_text()


def test_what_the_gateway_reads_is_compiled_from_what_people_write(language: str) -> None:
    place, found = catalogues.place(language), entries(language)
    assert place.with_suffix(".mo").read_bytes() == catalogues.compiled(language, found.values())
    read = gettext.GNUTranslations(io.BytesIO(place.with_suffix(".mo").read_bytes()))
    for (one, many), entry in ((entry.text, entry) for entry in found.values()):
        said = tuple(read.ngettext(one, many, number) for number in (1, 2)) if many else (read.gettext(one),)
        assert said == entry.said


def test_no_text_is_left_as_it_was(language: str) -> None:
    """But for the field's words, and what has no words at all."""
    same = {one for (one, _), entry in entries(language).items() if entry.said[0] == one}
    bare = {re.sub(r"%\(\w+\)[sd]", "", text).strip() for text in same}
    assert {text for text in bare if re.search(r"[A-Za-z]{3}", text)} - KEPT == set()


@pytest.mark.parametrize(
    ("text", "said", "fuzzy"),
    [
        (("Good until %(day)s", ""), ("Gültig bis",), False),
        (("Good until %(day)s", ""), ("Gültig bis %(tag)s",), False),
        (("Good until %(day)s", ""), ("",), False),
        (("Good until %(day)s", ""), ("Gültig bis %(day)s",), True),
        (("The lots of `fixed_lots`", ""), ("Die Lots von `feste_lots`",), False),
        (("%(count)s key", "%(count)s keys"), ("%(count)s Schlüssel",), False),
        (("%(count)s key", "%(count)s keys"), ("%(count)s Schlüssel", "Schlüssel"), False),
    ],
)
def test_a_translation_that_is_not_whole_is_seen_and_not_compiled(
    text: Text, said: tuple[str, ...], fuzzy: bool
) -> None:
    entry = Entry(text, said, fuzzy=fuzzy)
    assert not entry.whole
    assert text[0].encode() not in catalogues.compiled("de", [entry])
    back = catalogues.read(catalogues.written("de", {text: entry}, {text: ["x.py"]}))
    if len(said) == 1 + bool(text[1]):
        assert back == {text: entry}
