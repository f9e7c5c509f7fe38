"""Texts that are converted once read as Django's own cursor reads them, each time anew."""

import sqlite3
from typing import Any

import pytest
from django.db.backends.sqlite3.base import SQLiteCursorWrapper

from eagateway.sqlite.base import _Cursor


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("SELECT %s, %s", ("a", 2)),
        ("SELECT 'is 5 %% of it', %s", ("a",)),
        ("SELECT '%%s', %s, 7 %% 4", ("%s",)),
        ("SELECT %(one)s, %(other)s", {"one": 1, "other": 2}),
        ("SELECT '%s'", None),
    ],
)
def test_a_text_finds_what_it_finds_with_djangos_cursor(text: str, params: Any) -> None:
    link = sqlite3.connect(":memory:")
    expected = link.cursor(factory=SQLiteCursorWrapper).execute(text, params).fetchall()
    for _ in range(2):
        assert link.cursor(factory=_Cursor).execute(text, params).fetchall() == expected
    link.close()
