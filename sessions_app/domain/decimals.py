"""Lots, prices and money on the wire: strings of decimals, in both directions.

The subclasses of `Decimal` exist so that the message library hands their decoding to `decode_hook`: a JSON
number would already have been a binary float, so only strings are taken. Arithmetic on them gives plain
`Decimal`. Bounds keep every value within 15 significant digits, what SQLite's REAL stores exactly.
"""

import re
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

DECIMAL_PATTERN: Final = r"^-?[0-9]{1,10}(\.[0-9]{1,8})?$"
MAX_DIGITS: Final = 15
_DECIMAL: Final = re.compile(DECIMAL_PATTERN, re.ASCII)


class WireDecimal(Decimal):
    """A decimal that travels as a string; `places` bounds what a column keeps behind the point."""

    places = 8
    minimum: Decimal | None = None


class Lots(WireDecimal):
    """Volume in lots, zero or more."""

    minimum = Decimal(0)


class Price(WireDecimal):
    """A price level, zero or more; 0 means "not set" for stop loss and take profit, as in MT4."""

    places = 7
    minimum = Decimal(0)


class Money(WireDecimal):
    """An amount in the account's currency, of either sign."""

    places = 5


def decode_hook(kind: type[Any], value: object) -> WireDecimal:
    """Read one decimal of the wire.

    :raises ValueError: not a string of a decimal, or out of its bounds; the text names the rule
    """
    if not issubclass(kind, WireDecimal):
        raise NotImplementedError(kind.__name__)
    if not isinstance(value, str):
        raise ValueError("Expected a decimal as a string")
    if not _DECIMAL.fullmatch(value):  # match() with `$` would take a newline at the end
        raise ValueError("Expected a decimal such as 12.34 (up to 10 digits before and 8 behind the point)")
    number = kind(value)
    _check_bounds(number)
    return number


def _check_bounds(number: WireDecimal) -> None:
    whole, _, fraction = format(number, "f").lstrip("-").partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > number.places or len(whole.lstrip("0")) > MAX_DIGITS - number.places:
        raise ValueError(
            f"Expected at most {MAX_DIGITS - number.places} digits before and {number.places} behind the point"
        )
    if number.minimum is not None and number < number.minimum:
        raise ValueError(f"Expected a decimal of {number.minimum} or more")


def encode_hook(value: object) -> str:
    """Write a decimal as the wire wants it; the rest is refused."""
    if isinstance(value, Decimal):
        return plain(value)
    raise NotImplementedError(type(value).__name__)


def schema_hook(kind: type[Any]) -> dict[str, object]:
    """JSON Schema of the decimal types."""
    if issubclass(kind, WireDecimal):
        return {"type": "string", "format": "decimal", "pattern": DECIMAL_PATTERN}
    raise NotImplementedError(kind.__name__)


def plain(value: Decimal) -> str:
    """`value` without exponent and without trailing zeros: 0.100 -> 0.1, 1E+2 -> 100, -0 -> 0."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def to_json(value: object) -> bytes:
    """Encode any wire value (structs, decimals, uuids) as compact JSON."""
    return _ENCODER.encode(value)


def to_builtins(value: object) -> Any:
    """The same value as plain dicts, lists and strings: what a JSON column stores."""
    return msgspec.to_builtins(value, enc_hook=encode_hook, builtin_types=None)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=encode_hook, decimal_format="string", uuid_format="canonical")
__all__ = [
    "DECIMAL_PATTERN",
    "UUID",
    "Lots",
    "Money",
    "Price",
    "WireDecimal",
    "decode_hook",
    "encode_hook",
    "plain",
    "schema_hook",
    "to_builtins",
    "to_json",
]
