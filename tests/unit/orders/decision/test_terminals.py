"""From a stored InitRequest to what decisions need."""

from decimal import Decimal
from typing import Any

import pytest

from orders.domain.decision.symbols import Affixes
from orders.domain.decision.terminals import read_terminal
from orders.domain.sizing import rounding
from sessions_app.domain.decimals import Price, Quantity, to_builtins
from sessions_app.domain.frames.payloads import InitRequest, MarginMode, SymbolSpec


def symbol(name: str = "eurgbpi", **changes: Any) -> SymbolSpec:
    fields: dict[str, Any] = {"lots_min": Quantity("0.01"), "lots_step": Quantity("0.01"), "lots_max": Quantity("500")}
    return SymbolSpec(name=name, digits=5, contract_size=Quantity("100000"), **(fields | changes))


def stored(*symbols: SymbolSpec, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = to_builtins(InitRequest(currency="USD", symbols=list(symbols), **changes))
    return content


def read(told: SymbolSpec) -> rounding.SymbolSpec:
    return read_terminal(stored(told)).symbols[told.name]


def test_a_stored_request_is_read_as_it_was_sent() -> None:
    told = symbol(tick_size=Price("0.00001"), tick_value=Price("1.3"), quote_currency="GBP")
    terminal = read_terminal(stored(told))
    spec = terminal.symbols["eurgbpi"]
    assert (terminal.currency, terminal.affixes) == ("USD", Affixes("", "i"))
    assert (spec.contract_size, spec.lots_step) == (Decimal(100_000), Decimal("0.01"))
    assert spec.lots_max == 500
    assert (spec.tick_size, spec.tick_value, spec.quote_currency) == (Decimal("0.00001"), Decimal("1.3"), "GBP")


def test_what_was_not_told_stays_unknown() -> None:
    spec = read(symbol())
    assert (spec.tick_size, spec.tick_value, spec.quote_currency) == (None, None, None)


@pytest.mark.parametrize("told", [None, Price("0")])
def test_a_tick_value_that_is_not_told_follows_where_prices_are_in_the_accounts_currency(told: Price | None) -> None:
    terms: dict[str, Any] = {"tick_size": Price("0.00001"), "tick_value": told}
    assert read(symbol(**terms, quote_currency="USD")).tick_value == 1  # 100,000 units, a hundred-thousandth each
    for elsewhere in ({"quote_currency": "GBP"}, {}, {"quote_currency": "USD", "tick_size": None}):
        assert not read(symbol(**{**terms, **elsewhere})).tick_value
    assert read(symbol(**{**terms, "tick_value": Price("0.93")}, quote_currency="USD")).tick_value == Decimal("0.93")


def test_an_ea_tells_tickets_apart_if_it_says_so() -> None:
    assert read_terminal(stored(capabilities=["resend", "ticket"])).tickets
    assert not read_terminal(stored(capabilities=["tickets"])).tickets
    assert not read_terminal(stored()).tickets


def test_a_hedging_account_is_the_usual_one() -> None:
    plain = read_terminal(stored())
    assert (plain.netting, plain.fifo, plain.symbols) == (False, False, {})
    other = read_terminal(stored(margin_mode=MarginMode.NETTING, fifo=True))
    assert (other.netting, other.fifo) == (True, True)


@pytest.mark.parametrize(
    "unusable",
    [
        {"lots_step": Quantity("0")},
        {"lots_min": Quantity("0")},
        {"lots_max": Quantity("0")},
        {"lots_min": Quantity("501")},
    ],
)
def test_a_symbol_without_a_usable_lot_size_is_left_out(unusable: dict[str, Any]) -> None:
    assert set(read_terminal(stored(symbol(**unusable), symbol("usdchfi"))).symbols) == {"usdchfi"}


def test_a_symbol_that_takes_one_size_only_is_usable() -> None:
    single = symbol(lots_min=Quantity("1"), lots_step=Quantity("1"), lots_max=Quantity("1"))
    assert set(read_terminal(stored(single)).symbols) == {"eurgbpi"}
