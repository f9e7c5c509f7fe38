"""Lots, prices and money on the wire: strings of decimals, in both directions.

The subclasses of `Decimal` exist so that the message library hands their decoding to `decode_hook`: a JSON
number would already have been a binary float, so only strings are taken. Arithmetic on them gives plain
`Decimal`. Each kind says how many digits its columns keep: more before the point are refused, more behind it are the
noise of a binary float and are rounded. Columns: sessions_app/models/fields.py.
"""

import re
from collections.abc import Hashable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

import msgspec

TEXT_DIGITS: Final = 20  # on either side of the point: what a text may have; a kind keeps less
DECIMAL_PATTERN: Final = rf"^-?[0-9]{{1,{TEXT_DIGITS}}}(\.[0-9]{{1,{TEXT_DIGITS}}})?$"
NOT_A_TEXT: Final = "Expected a decimal as a string"
_DECIMAL: Final = re.compile(DECIMAL_PATTERN, re.ASCII)


class WireDecimal(Decimal):
    """A decimal that travels as a string; `whole`, `places`: the digits that are kept before and behind the point."""

    whole = 7
    places = 8
    minimum: Decimal | None = None


class Lots(WireDecimal):
    """Volume in lots, zero or more. 15 digits in all, which SQLite keeps as a number: lots are compared in queries."""

    minimum = Decimal(0)


class Price(WireDecimal):
    """A price level, zero or more; 0 means "not set" for stop loss and take profit, as in MT4."""

    whole = 10
    places = 10
    minimum = Decimal(0)


class Quantity(WireDecimal):
    """What a symbol's terms are made of: units per lot, the smallest and the largest order; zero or more."""

    whole = 16
    minimum = Decimal(0)


class Money(WireDecimal):
    """An amount in the account's currency, of either sign."""

    whole = 15


class TooLarge(ValueError):
    """A decimal with more digits before the point than are kept."""


class BelowMinimum(ValueError):
    """A decimal, and less than its kind takes. Whoever takes less than the kind does says his own bound instead."""


def decode_hook(kind: type[Any], value: object) -> WireDecimal:
    """Read one decimal of the wire.

    :raises ValueError: not a string of a decimal, or out of its bounds; the text names the rule
    """
    if not isinstance(value, str):
        if not issubclass(kind, WireDecimal):
            raise NotImplementedError(kind.__name__)
        raise ValueError(NOT_A_TEXT)
    return _read(cast(Hashable, kind), value)  # as all classes are


# All followers tell the same lots, stops and prices, and each its own balance again and again. A refusal is not kept.
@lru_cache(maxsize=8192)
def _read(kind: type[Any], value: str) -> WireDecimal:
    if not issubclass(kind, WireDecimal):
        raise NotImplementedError(kind.__name__)
    if not _DECIMAL.fullmatch(value):  # match() with `$` would take a newline at the end
        raise ValueError(
            f"Expected a decimal such as 12.34, with up to {kind.whole} digits before the point "
            f"and {TEXT_DIGITS} behind it"
        )
    return _bounded(kind, value)


def _bounded(kind: type[WireDecimal], text: str) -> WireDecimal:
    number = kind(text)
    # Checked before it is rounded, too: more digits than arithmetic has cannot be rounded.
    _check_whole(number)
    _, _, fraction = text.partition(".")
    if len(fraction) > kind.places:
        number = kind(number.quantize(Decimal(1).scaleb(-kind.places), rounding=ROUND_HALF_UP))
        _check_whole(number)
    if kind.minimum is not None and number < kind.minimum:
        raise BelowMinimum(f"Expected a decimal of {kind.minimum} or more")
    return number


def _check_whole(number: WireDecimal) -> None:
    if abs(number) >= 10**number.whole:
        raise TooLarge(f"Expected at most {number.whole} digits before the point")


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
    "NOT_A_TEXT",
    "UUID",
    "BelowMinimum",
    "Lots",
    "Money",
    "Price",
    "Quantity",
    "TooLarge",
    "WireDecimal",
    "decode_hook",
    "encode_hook",
    "plain",
    "schema_hook",
    "to_builtins",
    "to_json",
]
