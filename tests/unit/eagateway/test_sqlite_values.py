"""Values that SQLite kept are read by a shorter way, as what Django's own operations make of them."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import models
from django.db.backends.sqlite3.base import DatabaseWrapper as DjangosWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models.expressions import Col
from hypothesis import given
from hypothesis import strategies as st

from eagateway.sqlite.base import DatabaseWrapper, _Operations

SETTINGS: dict[str, Any] = {"ENGINE": "eagateway.sqlite", "NAME": ":memory:", "TIME_ZONE": None, "OPTIONS": {}}
DJANGOS: Any = DatabaseOperations(connection=DjangosWrapper(SETTINGS))
OURS: Any = _Operations(connection=DatabaseWrapper(SETTINGS))


def column(digits: int, places: int) -> Col:
    return Col("t", models.DecimalField(max_digits=digits, decimal_places=places))


@given(st.uuids())
def test_an_id_is_djangos_and_hashes_and_prints_like_it(given_id: UUID) -> None:
    ours = OURS.convert_uuidfield_value(given_id.hex, None, None)
    assert (ours, hash(ours), str(ours), repr(ours)) == (given_id, hash(given_id), str(given_id), repr(given_id))
    assert ours == DJANGOS.convert_uuidfield_value(given_id.hex, None, None)
    assert OURS.convert_uuidfield_value(str(given_id), None, None) == given_id
    assert OURS.convert_uuidfield_value(None, None, None) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_kept_and_read_in_utc_with_its_microseconds(moment: datetime) -> None:
    link = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    link.execute("CREATE TABLE t (at datetime)")
    link.execute("INSERT INTO t VALUES (?)", [str(OURS.adapt_datetimefield_value(moment))])
    (kept,) = link.execute("SELECT at FROM t").fetchone()
    link.close()
    read = OURS.convert_datetimefield_value(kept, None, None)
    assert (read, read.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize("text", ["2026-11-30 12:00:00", "2026-11-30 12:00:00.250000", None])
def test_a_moment_that_comes_as_a_text_is_read_as_django_reads_it(text: str | None) -> None:
    assert OURS.convert_datetimefield_value(text, None, None) == DJANGOS.convert_datetimefield_value(text, None, None)


@given(st.decimals(min_value=-99999, max_value=99999, places=3), st.sampled_from([(8, 3), (15, 3), (12, 2)]))
def test_a_decimal_is_the_one_that_django_reads_however_often(number: Decimal, shape: tuple[int, int]) -> None:
    expression, kept = column(*shape), float(number)
    django = DJANGOS.get_decimalfield_converter(expression)(kept, expression, None)
    for _ in range(2):
        ours = OURS.get_decimalfield_converter(expression)(kept, expression, None)
        assert (ours, ours.as_tuple().exponent) == (django, django.as_tuple().exponent)
    assert OURS.get_decimalfield_converter(expression)(None, expression, None) is None


def test_columns_of_other_places_do_not_share_what_was_read() -> None:
    two, four = (OURS.get_decimalfield_converter(column(12, places)) for places in (2, 4))
    assert (str(two(0.5, None, None)), str(four(0.5, None, None))) == ("0.50", "0.5000")
