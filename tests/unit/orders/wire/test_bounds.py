"""The bounds of what travels: the last value that is read, and the first one that is not."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from orders.domain.decision.filters import Filters
from orders.domain.wire.commands import OrderCommand
from orders.domain.wire.intents import OrderIntent
from orders.domain.wire.reports import ExecutionReport
from orders.domain.wire.snapshots import HeldPosition, SyncSnapshot
from sessions_app.domain.decimals import decode_hook

BASES: dict[type[Any], dict[str, Any]] = {
    OrderIntent: {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD"},
    OrderCommand: {
        "command_id": str(UUID(int=1)),
        "action": "open",
        "copy_no": 1,
        "magic": 1,
        "position_id": 1,
        "symbol": "EURUSD",
        "side": "buy",
        "lots_before": "0",
        "lots_after": "0.1",
    },
    ExecutionReport: {"status": "filled"},
    SyncSnapshot: {"phase": "report"},
    HeldPosition: {"ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1"},
    Filters: {},
}
TICKET, MAGIC = (1, 9_007_199_254_740_991), -9_223_372_036_854_775_808
NUMBERS: list[tuple[type[Any], str, int, int]] = [
    (OrderIntent, "position_id", *TICKET),
    (OrderIntent, "ticket", *TICKET),
    (OrderIntent, "new_ticket", *TICKET),
    (OrderCommand, "copy_no", 1, 16_777_215),
    (OrderCommand, "magic", 0, 4_294_967_296),
    (ExecutionReport, "slippage_points", -2_147_483_648, 2_147_483_647),
    (ExecutionReport, "error_code", 0, 1_000_000),
    (SyncSnapshot, "n", 1, 256),
    (SyncSnapshot, "of", 1, 256),
    (HeldPosition, "ticket", *TICKET),
]
LEASTS: list[tuple[type[Any], str, int]] = [
    (OrderIntent, "magic", MAGIC),
    (HeldPosition, "magic", MAGIC),
    (OrderCommand, "attempt", 1),
    (OrderCommand, "deviation_points", 0),
    (ExecutionReport, "attempt", 1),
]
TEXTS: list[tuple[type[Any], str, int, int]] = [
    (OrderIntent, "comment", 0, 64),
    (OrderCommand, "comment", 0, 64),
    (SyncSnapshot, "hash", 1, 64),
    (SyncSnapshot, "digest", 1, 64),
]
QUOTE = {"symbol": "EURUSD", "bid": "1", "ask": "1"}
ORDER = BASES[HeldPosition] | {"order_type": "limit", "price": "1"}
LISTS: list[tuple[type[Any], str, Any, int]] = [
    (SyncSnapshot, "positions", BASES[HeldPosition], 2000),
    (SyncSnapshot, "working_orders", ORDER, 2000),
    (SyncSnapshot, "quotes", QUOTE, 2000),
    (Filters, "symbols_allow", "EURUSD", 200),
    (Filters, "magics_deny", "7", 200),
    (Filters, "hours", {}, 50),
]


def is_read(kind: type[Any], **fields: Any) -> bool:
    try:
        msgspec.convert(BASES[kind] | fields, kind, dec_hook=decode_hook, strict=True)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "field", "least", "most"), NUMBERS)
def test_a_number_is_read_up_to_its_bounds(kind: type[Any], field: str, least: int, most: int) -> None:
    inside = [is_read(kind, **{field: number}) for number in (least, most)]
    outside = [is_read(kind, **{field: number}) for number in (least - 1, most + 1)]
    assert (inside, outside) == ([True, True], [False, False])


@pytest.mark.parametrize(("kind", "field", "least"), LEASTS)
def test_a_number_is_read_from_its_least_on(kind: type[Any], field: str, least: int) -> None:
    assert (is_read(kind, **{field: least}), is_read(kind, **{field: least - 1})) == (True, False)


@pytest.mark.parametrize("kind", [OrderIntent, HeldPosition])
@pytest.mark.parametrize("magic", [20_240_115_001, 2**63 - 1, 2**64 - 1])
def test_a_magic_number_has_64_bits(kind: type[Any], magic: int) -> None:
    assert is_read(kind, magic=magic)


@pytest.mark.parametrize(
    ("magic", "fits"),
    [("20240115001", True), (f"{-(2**63)}..{2**64 - 1}", True), ("1" * 21, False), ("1..", False), ("", False)],
)
def test_a_filter_has_magic_numbers_of_64_bits(magic: str, fits: bool) -> None:
    assert is_read(Filters, magics_allow=[magic]) is fits


@pytest.mark.parametrize(("kind", "field", "least", "most"), TEXTS)
def test_a_text_is_read_up_to_its_length(kind: type[Any], field: str, least: int, most: int) -> None:
    assert is_read(kind, **{field: "c" * least})
    assert is_read(kind, **{field: "c" * most})
    assert not is_read(kind, **{field: "c" * (most + 1)})
    assert least == 0 or not is_read(kind, **{field: "c" * (least - 1)})


@pytest.mark.parametrize(("kind", "field", "item", "most"), LISTS)
def test_a_list_is_read_up_to_its_length(kind: type[Any], field: str, item: Any, most: int) -> None:
    assert is_read(kind, **{field: [item] * most})
    assert not is_read(kind, **{field: [item] * (most + 1)})


@pytest.mark.parametrize(("pattern", "fits"), [("", False), ("a", True), ("a" * 64, True), ("a" * 65, False)])
def test_a_pattern_has_one_to_64_characters(pattern: str, fits: bool) -> None:
    assert is_read(Filters, symbols_allow=[pattern]) is fits


def test_what_is_tried_for_the_first_time_is_the_first_attempt() -> None:
    command = msgspec.convert(BASES[OrderCommand], OrderCommand, dec_hook=decode_hook)
    report = msgspec.convert(BASES[ExecutionReport], ExecutionReport)
    assert (command.attempt, report.attempt, report.already, report.age_ms) == (1, 1, False, 0)
