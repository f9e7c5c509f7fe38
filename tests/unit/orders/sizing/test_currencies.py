"""Which symbols are pairs of two currencies, by their names."""

import pytest

from orders.domain.sizing.currencies import Pair, pair_of
from tests.unit.builders import spec

EURUSD = Pair("EUR", "USD")


@pytest.mark.parametrize(
    "name", ["EURUSD", "eurusd", "EURUSDm", "EURUSD.12345678"[:14], "12345678EURUSD", "x.EURUSD.y"]
)
def test_six_letters_of_two_currencies_are_a_pair_with_up_to_eight_around_them(name: str) -> None:
    assert pair_of(spec(name)) == EURUSD


@pytest.mark.parametrize("name", ["EURUSD123456789", "123456789EURUSD"])
def test_what_stands_around_a_pair_has_eight_characters_at_most(name: str) -> None:
    assert pair_of(spec(name)) is None


@pytest.mark.parametrize("name", ["USDUSD", "XAUUSD", "USDXAU", "EURXYZ", "XYZEUR", "EURUS", "EUR", ""])
def test_both_have_to_be_currencies_and_not_the_same_one(name: str) -> None:
    assert pair_of(spec(name)) is None


def test_the_first_pair_in_a_name_counts() -> None:
    assert pair_of(spec("EURUSDJPY")) == EURUSD
    assert pair_of(spec("USDUSDJPY")) == Pair("USD", "JPY")


@pytest.mark.parametrize(
    ("mode", "pair"),
    [(None, EURUSD), ("forex", EURUSD), ("Forex_no_leverage", EURUSD), ("cfd", None), ("cfdforex", None)],
)
def test_another_calculation_mode_is_no_pair(mode: str | None, pair: Pair | None) -> None:
    assert pair_of(spec("EURUSD", calculation_mode=mode)) == pair


@pytest.mark.parametrize(("quote", "pair"), [(None, EURUSD), ("usd", EURUSD), ("EUR", None)])
def test_the_currency_of_the_price_is_the_second_of_the_name(quote: str | None, pair: Pair | None) -> None:
    assert pair_of(spec("EURUSD", quote_currency=quote)) == pair
