"""Facts are taken: what a frame does with a field that cannot be read."""

import json
from typing import Any

import pytest

from eagateway.protocol import FRAME_TYPES
from orders.domain.wire import intents, reports, snapshots
from sessions_app.domain.decimals import to_builtins
from sessions_app.domain.frames.mending import MAX_MENDS, Mended, mend

FAULTS: dict[str, Any] = {
    "OrderIntent": intents.fault,
    "ExecutionReport": reports.fault,
    "SyncSnapshot": snapshots.fault,
}
CLOSE = {"action": "close", "position_id": 7, "ticket": 7, "symbol": "EURUSD", "lots": "0.1"}
OPEN = {**CLOSE, "action": "open", "side": "buy"}
PART = {**CLOSE, "action": "partial_close", "remaining_lots": "0.05"}
REPORT = {"status": "closed", "cause": "manual", "ticket": 9, "copy_no": 1, "lots": "0.1"}
ROW = {"ticket": 9, "symbol": "EURUSD", "side": "buy", "lots": "0.1", "magic": 1509949441, "sl": "1.05"}
ORDER = {**ROW, "order_type": "limit", "price": "1.04"}
BOOK: dict[str, Any] = {"phase": "report", "balance": "1", "positions": [ROW]}
SYMBOL = {
    "name": "EURUSD",
    "digits": 5,
    "contract_size": "100000",
    "lots_min": "0.01",
    "lots_step": "0.01",
    "lots_max": "100",
}
INIT: dict[str, Any] = {"currency": "USD", "symbols": [SYMBOL]}
HUGE = "1" * 16
LONG = "c" * 65


def mended(kind: str, content: Any) -> Mended | None:
    row = FRAME_TYPES[kind]
    assert row.mending is not None
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return mend(row.payload, raw, row.mending, fault=FAULTS.get(kind))


def taken(kind: str, content: Any) -> tuple[dict[str, Any], list[str]]:
    """What was read, and the paths of what was mended."""
    found = mended(kind, content)
    assert found is not None
    return to_builtins(found.payload), [note.path for note in found.notes]


# What follows a trade is taken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("profit", HUGE),
        ("profit", "much"),
        ("balance", "-" + HUGE),
        ("magic", -(2**63) - 1),
        ("magic", "7"),
        ("price", "-1"),
        ("sl", "1" * 11),
        ("close_reason", "boredom"),
        ("broker_time", "yesterday"),
        ("age_ms", -1),
        ("new_ticket", 2**53),
        ("lots", "-0.10"),
        ("expiry", "2027.01.15 21:59:00"),
        ("comment", "a\x00b"),
        ("order_type", "iceberg"),
    ],
)
def test_a_close_is_taken_without_what_it_can_do_without(field: str, value: object) -> None:
    read, paths = taken("OrderIntent", {**CLOSE, field: value})
    assert read == {name: told for name, told in CLOSE.items() if name != field}
    assert paths == [f"$.{field}"]


@pytest.mark.parametrize("field", ["action", "position_id", "ticket"])
def test_a_close_of_nobody_knows_what_is_refused(field: str) -> None:
    assert mended("OrderIntent", {**CLOSE, field: "x" * 70}) is None
    assert mended("OrderIntent", {name: told for name, told in CLOSE.items() if name != field}) is None


@pytest.mark.parametrize("symbol", [LONG, "", 7, "US\x01"])
@pytest.mark.parametrize("action", ["close", "cancel", "modify"])
def test_a_position_says_which_symbol_it_is(action: str, symbol: object) -> None:
    read, paths = taken("OrderIntent", {**CLOSE, "action": action, "symbol": symbol})
    assert (read["symbol"], paths) == ("?", ["$.symbol"])


def test_a_close_without_a_symbol_closes() -> None:
    read, _ = taken("OrderIntent", {"action": "close", "position_id": 7, "ticket": 7})
    assert (read["action"], read["symbol"]) == ("close", "?")


@pytest.mark.parametrize("length", [65, 255])
def test_a_long_comment_is_cut(length: int) -> None:
    for content in (CLOSE, OPEN):
        read, paths = taken("OrderIntent", {**content, "comment": "c" * length})
        assert (read["comment"], paths) == ("c" * 64, ["$.comment"])


def test_a_partial_close_does_with_one_of_its_figures() -> None:
    for field, other in (("lots", "remaining_lots"), ("remaining_lots", "lots")):
        without = {name: told for name, told in PART.items() if name != field}
        odds: tuple[object, ...] = ("half", "-0.05", [], 1e30)
        for odd in odds:
            assert taken("OrderIntent", {**PART, field: odd}) == (without, [f"$.{field}"])
        assert taken("OrderIntent", without)[0] == without
        assert taken("OrderIntent", {**PART, field: "0"})[0] == {**PART, field: "0"}
        assert mended("OrderIntent", {**without, other: "half"}) is None
        assert mended("OrderIntent", {**PART, field: "0", other: "0"}) is None


def test_nothing_else_of_a_partial_close_is_needed() -> None:
    assert taken("OrderIntent", {**PART, "profit": "much", "comment": 7})[1] in (
        ["$.comment", "$.profit"],
        ["$.profit", "$.comment"],
    )


def test_several_fields_are_mended_one_after_the_other() -> None:
    read, paths = taken("OrderIntent", {**CLOSE, "profit": HUGE, "balance": HUGE, "comment": LONG})
    assert (set(paths), "profit" in read, "balance" in read) == ({"$.profit", "$.balance", "$.comment"}, False, False)


@pytest.mark.parametrize(("written", "text"), [("0.1", "0.1"), ("1", "1"), ("1e-2", "0.01"), ("1E2", "100")])
def test_a_number_that_should_be_a_text_is_read_digit_by_digit(written: str, text: str) -> None:
    raw = json.dumps({**PART, "lots": None}).replace("null", written).encode()
    assert taken("OrderIntent", raw) == ({**PART, "lots": text}, ["$.lots"])


@pytest.mark.parametrize("written", ["1e999999999", "1e-999999999", "1e30", "true", "[1]"])
def test_a_number_that_no_column_holds_is_none(written: str) -> None:
    raw = json.dumps({**PART, "lots": None, "remaining_lots": "0"}).replace("null", written).encode()
    assert mended("OrderIntent", raw) is None
    raw = json.dumps({**CLOSE, "lots": None}).replace("null", written).encode()
    assert "lots" not in taken("OrderIntent", raw)[0]


# What opens is whole -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("sl", "near"), ("magic", "7"), ("balance", HUGE), ("lots", 0.1), ("symbol", LONG), ("expiry", "2027.01.15")],
)
@pytest.mark.parametrize("action", ["open", "place"])
def test_what_opens_is_refused_for_any_field_but_an_ornament(action: str, field: str, value: object) -> None:
    placed = {"order_type": "limit", "price": "1.1"} if action == "place" else {}
    assert mended("OrderIntent", {**OPEN, **placed, "action": action, field: value}) is None


# Reports -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"), [("price", "-1"), ("profit", HUGE), ("equity", HUGE), ("error_code", -1), ("comment", "\x00")]
)
def test_a_report_is_taken_without_its_figures(field: str, value: object) -> None:
    assert taken("ExecutionReport", {**REPORT, field: value}) == (REPORT, [f"$.{field}"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "gone"), ("ticket", 2**53), ("lots", "-1"), ("copy_no", -1), ("cause", "tired"), ("command_id", "x")],
)
def test_a_report_that_says_not_what_happened_is_refused(field: str, value: object) -> None:
    assert mended("ExecutionReport", {**REPORT, field: value}) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("attempt", 0), ("already", "x"), ("found", "no"), ("new_ticket", 0), ("parent_ticket", 0)],
)
def test_a_fact_without_a_command_is_taken_without_what_only_an_outcome_has(field: str, value: object) -> None:
    fact = {"status": "closed", "cause": "manual", "copy_no": 3, "ticket": 7, "lots": "0.3", "remaining_lots": "0.7"}
    assert taken("ExecutionReport", {**fact, field: value}) == (fact, [f"$.{field}"])


@pytest.mark.parametrize(
    ("status", "field", "value"),
    [("closed", "attempt", 0), ("closed", "already", "x"), ("unknown", "found", "no"), ("closed", "new_ticket", -1)],
)
def test_an_outcome_is_refused_for_what_says_which_or_whether(status: str, field: str, value: object) -> None:
    outcome = {"status": status, "command_id": "01998e7a-0000-7000-8000-000000000001", "copy_no": 3, "ticket": 7}
    assert mended("ExecutionReport", {**outcome, field: value}) is None


def test_a_deposit_without_its_amount_is_no_fact() -> None:
    assert mended("ExecutionReport", {"status": "closed", "cause": "deposit_withdrawal", "profit": HUGE}) is None


# Heartbeats and introductions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["balance", "margin", "terminal_time", "ping_ms", "connected", "busy_until_ms"])
def test_a_heartbeat_is_never_refused_for_a_field(field: str) -> None:
    assert taken("StatusHeartbeat", {"equity": "5", field: "x" * 50}) == ({"equity": "5"}, [f"$.{field}"])


@pytest.mark.parametrize("raw", [b"[]", b"7", b"{", b"\xff", b'{"a":' * 2000])
def test_what_is_no_object_is_no_frame(raw: bytes) -> None:
    assert mended("StatusHeartbeat", raw) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("digits", 16), ("contract_size", "1" * 17), ("lots_step", "-1"), ("name", ""), ("lots_min", None)],
)
def test_an_unusable_symbol_is_left_out_and_named(field: str, value: object) -> None:
    odd = {**SYMBOL, "name": "SHIBUSD", field: value}
    found = mended("InitRequest", {**INIT, "symbols": [SYMBOL, odd, {**SYMBOL, "name": "GBPUSD"}]})
    assert found is not None
    assert [item["name"] for item in to_builtins(found.payload)["symbols"]] == ["EURUSD", "GBPUSD"]
    assert [(note.path, note.line) for note in found.notes] == [
        (f"$.symbols[].{field}", "SHIBUSD" if value != "" else "line 2")
    ]


def test_a_symbol_without_its_name_is_left_out() -> None:
    nameless = {name: told for name, told in SYMBOL.items() if name != "name"}
    assert taken("InitRequest", {**INIT, "symbols": [nameless, 5]})[0] == {"currency": "USD"}


@pytest.mark.parametrize(("field", "value"), [("tick_value", "-1"), ("stop_level", -1), ("trade_mode", LONG)])
def test_a_symbol_is_taken_without_what_it_can_do_without(field: str, value: object) -> None:
    assert taken("InitRequest", {**INIT, "symbols": [{**SYMBOL, field: value}]}) == (INIT, [f"$.symbols[].{field}"])


@pytest.mark.parametrize(
    ("field", "value"), [("margin_mode", "exchange"), ("fifo", "no"), ("currency", ""), ("symbols", 5)]
)
def test_a_terminal_that_says_not_how_it_trades_is_refused(field: str, value: object) -> None:
    assert mended("InitRequest", {**INIT, field: value}) is None


def test_an_introduction_is_mended_in_every_line_that_fits_into_a_frame() -> None:
    symbols = [{**SYMBOL, "name": f"S{number}", "tick_value": "-1"} for number in range(130)]
    read, paths = taken("InitRequest", {**INIT, "symbols": symbols})
    assert (len(read["symbols"]), len(paths)) == (130, 130)
    assert mended("InitRequest", {**INIT, "symbols": [{**SYMBOL, "digits": -1}] * (MAX_MENDS + 1)}) is None


# Books ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row"), [("positions", ROW), ("working_orders", ORDER)])
@pytest.mark.parametrize(
    ("field", "value"),
    [("ticket", 0), ("symbol", LONG), ("side", "up"), ("lots", "-1"), ("magic", "7"), ("sl", "near"), ("tp", "-1")],
)
def test_a_line_that_cannot_be_read_makes_the_book_incomplete(
    name: str, row: dict[str, Any], field: str, value: object
) -> None:
    read, paths = taken("SyncSnapshot", {**BOOK, name: [row, {**row, "ticket": 10, field: value}]})
    assert (read[name], read["incomplete"], paths) == ([row], True, [f"$.{name}[].{field}"])


@pytest.mark.parametrize(("field", "value"), [("comment", LONG), ("price", "-1"), ("parent_ticket", 0)])
def test_a_line_of_a_book_is_taken_without_what_it_can_do_without(field: str, value: object) -> None:
    read, _ = taken("SyncSnapshot", {**BOOK, "positions": [{**ROW, field: value}]})
    assert (read["positions"][0]["ticket"], "incomplete" in read) == (9, False)


@pytest.mark.parametrize("magic", [-(2**63), 2**63 - 1, 2**64 - 1])
def test_a_magic_number_has_64_bits(magic: int) -> None:
    assert taken("SyncSnapshot", {**BOOK, "positions": [{**ROW, "magic": magic}]})[0]["positions"][0]["magic"] == magic
    assert taken("OrderIntent", {**OPEN, "magic": magic})[0]["magic"] == magic


def test_a_quote_that_cannot_be_read_says_nothing_about_the_book() -> None:
    quote = {"symbol": "EURUSD", "bid": "1", "ask": "1"}
    read, _ = taken("SyncSnapshot", {**BOOK, "quotes": [quote, {**quote, "bid": "-1"}]})
    assert (read["quotes"], "incomplete" in read) == ([quote], False)


def test_a_book_whose_beginning_cannot_be_read_proves_no_absence() -> None:
    assert taken("SyncSnapshot", {**BOOK, "history_from": "always"})[0]["incomplete"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [("phase", "result"), ("positions", 5), ("age_ms", -1), ("connected", 2), ("n", 0), ("same", "no"), ("hash", LONG)],
)
def test_a_book_that_may_be_another_is_refused(field: str, value: object) -> None:
    assert mended("SyncSnapshot", {**BOOK, field: value}) is None


def test_every_frame_that_tells_a_fact_can_be_mended() -> None:
    assert {name for name, row in FRAME_TYPES.items() if row.mending is not None} == {
        "InitRequest",
        "StatusHeartbeat",
        "OrderIntent",
        "ExecutionReport",
        "SyncSnapshot",
        "ErrorAlert",
    }
