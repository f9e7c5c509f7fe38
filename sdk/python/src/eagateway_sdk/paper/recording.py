"""Recordings: what a terminal saw, event by event, in the order of delivery.

A recording is a folder: `stream.jsonl` (or `.jsonl.gz`), `account.json`, and optionally `printed.json` and
`marks.json`. It is read strictly, and lazily: what stands before a broken line can be replayed.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

_TIME: Final = re.compile(r"\d{4}\.(0[1-9]|1[0-2])\.(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,15}(\.\d{1,10})?", re.ASCII)
_AMOUNTS: Final = ("commission", "taxes", "swap", "profit")
_OPENING: Final = ("type", "lots", "symbol", "price", "sl", "tp")
FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "balance": ("amount",),
        "open": (*_OPENING, "magic"),
        "place": _OPENING,
        "activate": (*_OPENING, "magic"),
        "modify": ("symbol", "sl", "tp"),
        "partial_close": ("lots", "price", *_AMOUNTS, "new_ticket"),
        "close": ("lots", "symbol", "price", *_AMOUNTS, "comment"),
        "cancel": (),
        "summary": (),
    }
)
MARKET_TYPES: Final = frozenset({"buy", "sell"})
PENDING_TYPES: Final = frozenset({"buy limit", "sell limit", "buy stop", "sell stop"})
_TYPES: Final = {"open": MARKET_TYPES, "activate": MARKET_TYPES, "place": PENDING_TYPES}
_DECIMALS: Final = frozenset({"lots", "price", "sl", "tp", "amount", *_AMOUNTS})
_LEVELS: Final = frozenset({"lots", "price", "sl", "tp"})
_TICKETS: Final = frozenset({"ticket", "new_ticket"})
_SYMBOL_FIGURES: Final = ("contract_size", "lots_min", "lots_step", "lots_max")


class BrokenRecording(ValueError):
    """The recording is not one: `line` (from 1) of the stream, or None when `file` as a whole is at fault."""

    def __init__(self, why: str, *, line: int | None = None, file: str = "stream.jsonl") -> None:
        super().__init__(f"{file}:{line}: {why}" if line is not None else f"{file}: {why}")
        self.why, self.line, self.file = why, line, file


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """The broker's terms for one symbol."""

    digits: int
    contract_size: Decimal
    lots_min: Decimal
    lots_step: Decimal
    lots_max: Decimal


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """`starting_balance` None: the first balance event brings it. `time_zone` is IANA."""

    currency: str
    money_decimals: int
    leverage: int
    starting_balance: Decimal | None
    time_zone: str
    symbols: Mapping[str, SymbolInfo]

    def renamed(self, *, suffix: str = "", rename: Mapping[str, str] | None = None) -> "AccountInfo":
        """The same account where symbols are called otherwise: `rename` first, then `suffix` to every name."""
        names = rename or {}
        return replace(self, symbols={names.get(name, name) + suffix: spec for name, spec in self.symbols.items()})


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """One event; which fields it has depends on `ev`. `sl` and `tp` 0: none."""

    line: int
    t: str
    ev: str
    ticket: int
    type: str = ""
    lots: Decimal = Decimal(0)
    symbol: str = ""
    price: Decimal | None = None
    sl: Decimal = Decimal(0)
    tp: Decimal = Decimal(0)
    magic: int | None = None
    amount: Decimal | None = None
    commission: Decimal = Decimal(0)
    taxes: Decimal = Decimal(0)
    swap: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)
    comment: str = ""
    new_ticket: int = 0
    state: str = ""

    @property
    def side(self) -> str:
        """buy or sell."""
        return self.type.partition(" ")[0]

    @property
    def order_type(self) -> str:
        """market, limit or stop."""
        return self.type.partition(" ")[2] or "market"

    @property
    def net(self) -> Decimal:
        """What this event books to the balance; a plain amount, or the four amounts of a result."""
        if self.amount is not None:
            return self.amount
        return self.commission + self.taxes + self.swap + self.profit


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording on disk, or one made of lines in memory."""

    name: str
    account: AccountInfo
    source: Path | tuple[str, ...]
    printed: Mapping[str, Any] | None = None
    marks: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, folder: Path | str) -> "Recording":
        """:raises BrokenRecording: account.json, printed.json or marks.json is not what it should be"""
        path = Path(folder)
        plain, packed = path / "stream.jsonl", path / "stream.jsonl.gz"
        stream = plain if plain.exists() else packed
        if not stream.exists():
            raise BrokenRecording("there is no stream.jsonl and no stream.jsonl.gz", file=str(path))
        account = read_account(_json_file(path / "account.json"))
        extras = {name: _json_file(path / f"{name}.json", optional=True) for name in ("printed", "marks")}
        return cls(path.name, account, stream, **extras)

    @classmethod
    def of_lines(cls, account: AccountInfo, lines: Iterable[str], *, name: str = "recording") -> "Recording":
        """A recording that is not on disk."""
        return cls(name, account, tuple(lines))

    def events(self) -> Iterator[Event]:
        """The events in order.

        :raises BrokenRecording: at the first line that is no event, after everything before it was handed out
        """
        for number, text in self._lines():
            yield read_event(text, line=number, symbols=self.account.symbols)

    def _lines(self) -> Iterator[tuple[int, str | bytes]]:
        if isinstance(self.source, tuple):
            yield from enumerate(self.source, start=1)
            return
        number = 0
        opener = gzip.open if self.source.suffix == ".gz" else open
        try:
            with opener(self.source, "rb") as stream:
                for raw in stream:
                    number += 1
                    yield number, bytes(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise BrokenRecording(f"unreadable: {error}", line=number + 1, file=self.source.name) from error


def read_event(text: str | bytes, *, line: int, symbols: Mapping[str, SymbolInfo]) -> Event:
    """:raises BrokenRecording: the line is no event; says what is wrong"""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenRecording(f"not JSON: {error}", line=line) from error
    if not isinstance(content, dict):
        raise BrokenRecording("not an object", line=line)
    try:
        return _event(content, line, symbols)
    except ValueError as error:
        raise BrokenRecording(str(error), line=line) from error


def _event(content: dict[str, Any], line: int, symbols: Mapping[str, SymbolInfo]) -> Event:
    kind = content.get("ev")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ValueError(f"unknown ev {kind!r}")
    wanted = _summary_fields(content) if kind == "summary" else FIELDS[kind]
    values = {name: _value(content, name) for name in ("ticket", *wanted)}
    for name in ("symbol", "price", "comment", "state"):
        if name not in values and _is_given(content, name, kind):
            values[name] = _value(content, name)
    event = Event(line=line, t=_time(content.get("t")), ev=kind, **values)
    _check(event, symbols)
    return event


def _summary_fields(content: dict[str, Any]) -> tuple[str, ...]:
    """An archived result is told as the amounts of a close, as far as they are given, or as one amount."""
    if "profit" not in content and "amount" in content:
        return ("amount",)
    return ("profit", *(name for name in _AMOUNTS[:-1] if name in content))


def _is_given(content: dict[str, Any], name: str, kind: str) -> bool:
    """Fields beyond the format are tolerated, also whatever `price` a modify carries: the market, no term."""
    return content.get(name) is not None and name in ("symbol", "comment", "state") and kind != "balance"


def _check(event: Event, symbols: Mapping[str, SymbolInfo]) -> None:
    if event.symbol and event.symbol not in symbols and event.ev != "summary":
        raise ValueError(f"symbol {event.symbol!r} is not in account.json")
    if event.ev in _TYPES and event.type not in _TYPES[event.ev]:
        raise ValueError(f"type {event.type!r} does not belong to {event.ev}")
    # One half of a close-by is closed with 0.00 lots: its position is gone, and the other half tells the money.
    if "lots" in FIELDS[event.ev] and event.lots <= 0 and event.ev != "close":
        raise ValueError(f"lots must be above 0, not {event.lots}")


def _value(content: dict[str, Any], name: str) -> Any:
    if name not in content:
        raise ValueError(f"{name} is missing")
    value = content[name]
    if name in _DECIMALS:
        return _decimal(name, value)
    if name in _TICKETS:
        return _ticket(name, value)
    if name == "magic":
        return _magic(value)
    if not isinstance(value, str) or (name == "symbol" and not value):
        raise ValueError(f"{name} is not a text")
    return value


def _decimal(name: str, value: object) -> Decimal:
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        raise ValueError(f"{name} is not a decimal in quotes: {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation as error:  # pragma: no cover - the pattern lets none through
        raise ValueError(f"{name} is no decimal: {value!r}") from error
    if name in _LEVELS and number < 0:
        raise ValueError(f"{name} is negative: {value}")
    return number


def _ticket(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 2**53 - 1:
        raise ValueError(f"{name} is not a ticket: {value!r}")
    return value


def _magic(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError(f"magic is not a number: {value!r}")
    return value


def _time(value: object) -> str:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise ValueError(f"t is not YYYY.MM.DD HH:MM:SS: {value!r}")
    return value


def read_account(content: object) -> AccountInfo:
    """:raises BrokenRecording: account.json lacks something, or says it in the wrong type"""
    try:
        return _account(content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise BrokenRecording(why, file="account.json") from error


def _account(content: Any) -> AccountInfo:
    if not isinstance(content, dict):
        raise TypeError("not an object")
    balance = content.get("starting_balance")
    symbols = content["symbols"]
    if not isinstance(symbols, dict):
        raise TypeError("symbols is not an object")
    return AccountInfo(
        currency=_text("currency", content["currency"]),
        money_decimals=_count("money_decimals", content["money_decimals"]),
        leverage=_count("leverage", content["leverage"]),
        starting_balance=None if balance is None else _decimal("starting_balance", balance),
        time_zone=_text("time_zone", content["time_zone"]),
        symbols={name: _symbol(name, spec) for name, spec in symbols.items()},
    )


def _symbol(name: str, spec: Any) -> SymbolInfo:
    if not isinstance(spec, dict):
        raise TypeError(f"symbol {name} is not an object")
    try:
        figures = {field: _above_zero(field, spec[field]) for field in _SYMBOL_FIGURES}
        return SymbolInfo(digits=_count("digits", spec["digits"]), **figures)
    except KeyError as error:
        raise ValueError(f"symbol {name}: {error.args[0]} is missing") from error
    except ValueError as error:
        raise ValueError(f"symbol {name}: {error}") from error


def _above_zero(name: str, value: object) -> Decimal:
    number = _decimal(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return number


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is not a text")
    return value


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is not a whole number: {value!r}")
    return value


def _json_file(path: Path, *, optional: bool = False) -> Any:
    if optional and not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BrokenRecording("missing", file=path.name) from error
    except (OSError, ValueError) as error:
        raise BrokenRecording(f"not JSON: {error}", file=path.name) from error
