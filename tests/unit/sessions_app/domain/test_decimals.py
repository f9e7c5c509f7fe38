"""Lots, prices and money on the wire."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.decimals import (
    Lots,
    Money,
    Price,
    Quantity,
    WireDecimal,
    decode_hook,
    encode_hook,
    plain,
    schema_hook,
    to_builtins,
    to_json,
)

KINDS = (Lots, Price, Money, Quantity)
WIRE = st.decimals(min_value=-9_999_999, max_value=9_999_999, places=5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["0", "0.1", "12.34", "0.00001", "9999999.99999", "007.50"])
def test_a_string_of_a_decimal_is_read(kind: type[WireDecimal], text: str) -> None:
    assert decode_hook(kind, text) == Decimal(text)


@pytest.mark.parametrize("value", [0.1, 1, None, True, ["0.1"], {"n": "1"}])
def test_a_number_that_was_a_binary_float_is_not_taken(value: object) -> None:
    with pytest.raises(ValueError, match="as a string"):
        decode_hook(Lots, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        ".5",
        "5.",
        "1,5",
        "1e3",
        "1E-8",
        "NaN",
        "Infinity",
        "-",
        "--1",
        "0x10",
        "1_000",
        "1" * 21,
        "0." + "1" * 21,
        "\u0661",
        "\uff11",
        "1.2.3",
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected a decimal such as"):
        decode_hook(Money, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Lots, "9999999.99999999"),
        (Price, "9999999999.9999999999"),
        (Quantity, "9999999999999999.99999999"),
        (Money, "-999999999999999.99999999"),
    ],
)
def test_every_digit_that_a_column_keeps_is_read(kind: type[WireDecimal], text: str) -> None:
    assert plain(decode_hook(kind, text)) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Lots, "10000000"),
        (Price, "10000000000"),
        (Quantity, "1" * 17),
        (Money, "1" * 16),
        (Money, "-" + "1" * 16),
        (Lots, "9999999.999999995"),
        (Money, "9" * 20 + "." + "9" * 20),
    ],
)
def test_more_digits_before_the_point_than_a_column_keeps_are_refused(kind: type[WireDecimal], text: str) -> None:
    with pytest.raises(ValueError, match="digits before the point"):
        decode_hook(kind, text)


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        (Price, "1.0818225753016053", "1.0818225753"),
        (Price, "1.08500000000000007549", "1.085"),
        (Price, "0.00000000005", "0.0000000001"),
        (Price, "0.00000000004999999999", "0"),
        (Money, "-0.000000005", "-0.00000001"),
        (Lots, "0.30000000000000004", "0.3"),
    ],
)
def test_the_noise_of_a_binary_float_is_rounded_half_up(kind: type[WireDecimal], text: str, kept: str) -> None:
    read = decode_hook(kind, text)
    assert (plain(read), type(read)) == (kept, kind)


def test_zeros_at_the_end_count_as_no_digits() -> None:
    assert decode_hook(Money, "1.50000000") == Decimal("1.5")


@pytest.mark.parametrize("kind", [Lots, Price, Quantity])
def test_lots_and_prices_are_never_below_zero(kind: type[WireDecimal]) -> None:
    with pytest.raises(ValueError, match="of 0 or more"):
        decode_hook(kind, "-0.01")


def test_money_may_be_lost() -> None:
    assert decode_hook(Money, "-12.50") == Decimal("-12.5")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.100", "0.1"),
        ("1E+2", "100"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E-8", "0"),
        ("1E-8", "0.00000001"),
        ("100", "100"),
        ("-1.50", "-1.5"),
        ("0", "0"),
    ],
)
def test_a_decimal_is_written_without_exponent_and_without_idle_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(WIRE)
def test_writing_and_reading_gives_the_same_number(value: Decimal) -> None:
    assert decode_hook(Money, plain(value)) == value


@given(WIRE)
def test_equal_numbers_are_written_alike(value: Decimal) -> None:
    assert plain(value.normalize()) == plain(value) == plain(value.quantize(Decimal("1e-8")))


class _Frame(msgspec.Struct):
    lots: Lots
    price: Price | None = None


def test_a_frame_carries_decimals_as_plain_strings_in_both_directions() -> None:
    frame = msgspec.json.decode(b'{"lots":"0.10","price":null}', type=_Frame, dec_hook=decode_hook)
    assert (frame.lots, frame.price) == (Decimal("0.1"), None)
    assert to_json(_Frame(Lots("0.00000001"), Price("1.50"))) == b'{"lots":"0.00000001","price":"1.5"}'
    assert to_builtins(_Frame(Lots("1E+1"))) == {"lots": "10", "price": None}


def test_a_refused_decimal_is_named_by_its_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.lots"):
        msgspec.json.decode(b'{"lots":0.1}', type=_Frame, dec_hook=decode_hook)


@pytest.mark.parametrize("kind", [int, dict, Decimal])
def test_the_hooks_leave_foreign_types_alone(kind: type[Any]) -> None:
    with pytest.raises(NotImplementedError):
        decode_hook(kind, "1")
    with pytest.raises(NotImplementedError):
        schema_hook(kind)


def test_only_decimals_are_written_by_the_hook() -> None:
    with pytest.raises(NotImplementedError, match="object"):
        encode_hook(object())


def test_the_schema_of_a_decimal_is_a_string_with_its_pattern() -> None:
    assert schema_hook(Lots)["type"] == "string"
