"""How large to copy."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.sizing.modes import Basis, Funds, Mode, Sizing, allocate
from orders.domain.sizing.rates import exchange_rate
from orders.domain.states.denials import Code, Denied
from tests.unit.builders import NOW, book, spec

MONEY = st.decimals(min_value=1, max_value=1_000_000, places=2)


def funds(amount: str | None) -> Funds:
    """As much equity as balance."""
    told = None if amount is None else Decimal(amount)
    return Funds("USD", balance=told, equity=told)


def basis(master: str | None = "10000", follower: str | None = "5000", rate: str | None = "1") -> Basis:
    return Basis(
        master_lots=Decimal("0.50"),
        master=funds(master),
        follower=replace(funds(follower), as_of=NOW),
        rate=None if rate is None else Decimal(rate),
        now=NOW,
        stale_after=timedelta(seconds=30),
        master_spec=spec(),
        follower_spec=spec(),
    )


def denial(sizing: Sizing, given_basis: Basis) -> Denied:
    with pytest.raises(Denied) as caught:
        allocate(sizing, given_basis)
    return caught.value


RATIO = Sizing(Mode.BALANCE_RATIO)


def test_every_mode_gives_lots() -> None:
    assert all(allocate(Sizing(mode, lots=Decimal(1)), basis()) > 0 for mode in Mode)


def test_mirrored_is_the_masters_lots_times_the_multiplier() -> None:
    assert allocate(Sizing(Mode.MIRRORED), basis(None, None, None)) == Decimal("0.50")
    assert allocate(Sizing(Mode.MIRRORED, multiplier=Decimal("0.3")), basis()) == Decimal("0.150")


def test_fixed_lots_are_what_the_subscription_says() -> None:
    assert allocate(Sizing(Mode.FIXED_LOTS, lots=Decimal("0.07")), basis(None, None, None)) == Decimal("0.07")


def test_fixed_lots_without_lots_are_denied() -> None:
    assert denial(Sizing(Mode.FIXED_LOTS), basis()).code is Code.ALLOCATION_DATA_MISSING


def test_balance_ratio_is_the_share_of_the_masters_balance() -> None:
    assert allocate(RATIO, basis()) == Decimal("0.25")
    assert allocate(replace(RATIO, multiplier=Decimal(2)), basis()) == Decimal("0.5")


def test_balance_ratio_brings_the_masters_balance_into_the_followers_currency() -> None:
    assert allocate(RATIO, basis(master="1000", follower="150000", rate="150")) == Decimal("0.50")


EQUITY = Sizing(Mode.EQUITY_RATIO)


def test_equity_ratio_compares_equities_and_not_balances() -> None:
    ours = Funds("USD", balance=Decimal(1), equity=Decimal(3000), as_of=NOW)
    theirs = Funds("USD", balance=Decimal(1), equity=Decimal(6000))
    asked = replace(basis(), follower=ours, master=theirs)
    assert allocate(EQUITY, asked) == Decimal("0.25")
    assert asked.told(EQUITY) == {"master_base": Decimal(6000), "follower_base": Decimal(3000)}


@pytest.mark.parametrize(
    ("side", "figures", "code", "what"),
    [
        ("follower", Funds("USD", balance=Decimal(9)), Code.ALLOCATION_DATA_MISSING, "equity of the follower"),
        ("master", Funds("USD", balance=Decimal(9)), Code.ALLOCATION_DATA_MISSING, "equity of the master"),
        (
            "master",
            Funds("USD", Decimal(9), Decimal(9), as_of=NOW - timedelta(minutes=1)),
            Code.ALLOCATION_DATA_STALE,
            "equity of the master",
        ),
        (
            "master",
            Funds("USD", Decimal(9), Decimal(9), as_of=NOW - timedelta(minutes=1), fresh=frozenset({"balance"})),
            Code.ALLOCATION_DATA_STALE,
            "equity of the master",
        ),
    ],
)
def test_an_equity_that_is_missing_or_old_is_denied(side: str, figures: Funds, code: Code, what: str) -> None:
    changed: dict[str, Any] = {side: figures}
    denied = denial(EQUITY, replace(basis(), **changed))
    assert (denied.code, what in denied.evidence.values()) == (code, True)


def test_an_equity_that_came_with_the_signal_is_fresh_beside_an_old_balance() -> None:
    told = Funds("USD", Decimal(1), Decimal(10_000), as_of=NOW - timedelta(hours=1), fresh=frozenset({"equity"}))
    assert allocate(EQUITY, replace(basis(), master=told)) == Decimal("0.25")


UNITS = Sizing(Mode.CONTRACT_UNITS)


def test_contract_units_trade_the_same_quantity_of_the_underlying() -> None:
    asked = replace(basis(), master_spec=spec(), follower_spec=spec(contract_size=Decimal(1000)))
    assert allocate(UNITS, asked) == Decimal(50)
    assert asked.told(UNITS) == {"master_contract": Decimal(100_000), "follower_contract": Decimal(1000)}


@pytest.mark.parametrize(("side", "whose"), [("master_spec", "master"), ("follower_spec", "follower")])
@pytest.mark.parametrize("known", [None, spec(contract_size=Decimal(0))])
def test_a_contract_size_that_is_not_known_is_missing_data(side: str, whose: str, known: Any) -> None:
    denied = denial(UNITS, replace(basis(), **{side: known}))
    assert (denied.code, denied.evidence["missing"]) == (
        Code.ALLOCATION_DATA_MISSING,
        f"contract size of the {whose}",
    )


def test_contract_units_are_multiplied_too() -> None:
    asked = replace(basis(), follower_spec=spec(contract_size=Decimal(200_000)))
    assert allocate(replace(UNITS, multiplier=Decimal(3)), asked) == Decimal("0.75")


@given(MONEY, MONEY, MONEY)
def test_an_account_k_times_as_large_copies_k_times_the_lots(master: Decimal, follower: Decimal, k: Decimal) -> None:
    one = allocate(RATIO, basis(str(master), str(follower)))
    many = allocate(RATIO, basis(str(master), str(follower * k)))
    assert abs(many - one * k) <= Decimal("1e-15") * many


def test_a_missing_rate_is_denied_and_never_taken_as_1() -> None:
    denied = denial(RATIO, basis(rate=None))
    assert (denied.code, denied.evidence["missing"]) == (Code.ALLOCATION_DATA_MISSING, "rate USD to USD")


@pytest.mark.parametrize(
    ("master", "follower", "missing"),
    [
        (None, "5000", "balance of the master"),
        ("10000", None, "balance of the follower"),
        ("0", "5000", "balance of the master"),
        ("10000", "-12.50", "balance of the follower"),
    ],
)
def test_a_balance_that_is_missing_or_used_up_is_denied(master: str | None, follower: str | None, missing: str) -> None:
    denied = denial(RATIO, basis(master, follower))
    assert (denied.code, denied.evidence["missing"]) == (Code.ALLOCATION_DATA_MISSING, missing)


def test_a_balance_older_than_two_timeouts_is_stale() -> None:
    fresh = basis()
    at_the_limit = replace(fresh, follower=replace(fresh.follower, as_of=NOW - timedelta(seconds=30)))
    too_old = replace(fresh, follower=replace(fresh.follower, as_of=NOW - timedelta(seconds=30, milliseconds=1)))
    assert allocate(RATIO, at_the_limit) == Decimal("0.25")
    assert denial(RATIO, too_old).code is Code.ALLOCATION_DATA_STALE


def test_a_balance_that_came_with_the_signal_is_never_stale() -> None:
    came_along = replace(basis(), follower=Funds("USD", balance=Decimal(5000), as_of=None))
    assert allocate(RATIO, came_along) == Decimal("0.25")


def test_fixed_bases_stand_for_the_balances() -> None:
    fixed = replace(RATIO, fixed_master_base=Decimal(1000), fixed_follower_base=Decimal(100))
    assert allocate(fixed, basis(None, None)) == Decimal("0.05")
    assert basis().told(fixed) == {"master_base": Decimal(1000), "follower_base": Decimal(100)}
    long_ago = replace(basis(), follower=Funds("USD", as_of=NOW - timedelta(days=1)))
    assert allocate(fixed, long_ago) == Decimal("0.05")


@pytest.mark.parametrize("base", ["0", "-1"])
def test_a_fixed_base_of_nothing_is_missing_data(base: str) -> None:
    assert denial(replace(RATIO, fixed_master_base=Decimal(base)), basis()).code is Code.ALLOCATION_DATA_MISSING


def quoted(name: str, quote: str, tick_value: str, tick_size: str = "0.00001") -> dict[str, Any]:
    return {"name": name, "quote_currency": quote, "tick_value": Decimal(tick_value), "tick_size": Decimal(tick_size)}


def test_the_same_currency_needs_no_rate() -> None:
    assert exchange_rate("USD", "USD", sources={}, targets={}) == 1


@pytest.mark.parametrize(("source", "target"), [(None, "USD"), ("USD", None), (None, None)])
def test_an_unknown_currency_has_no_rate(source: str | None, target: str | None) -> None:
    if source != target:
        assert exchange_rate(source, target, sources={}, targets={}) is None


def test_the_rate_follows_from_a_symbol_of_the_follower_quoted_in_the_masters_currency() -> None:
    # A EUR account: one tick of EURUSD (0.00001 x 100,000 = 1 USD) is worth 0.80 EUR.
    targets = book(spec(**quoted("GBPJPY", "JPY", "0.6", "0.001")), spec(**quoted("EURUSD", "USD", "0.80")))
    assert exchange_rate("USD", "EUR", sources={}, targets=targets) == Decimal("0.8")


def test_the_rate_follows_from_the_masters_symbols_the_other_way_round() -> None:
    sources = book(spec(**quoted("USDJPY", "JPY", "0.625", "0.001")))
    assert exchange_rate("USD", "JPY", sources=sources, targets=book()) == Decimal(160)


def test_specs_that_do_not_tell_give_no_rate() -> None:
    silent = book(spec(quote_currency="USD"), spec(**quoted("GBPUSD", "USD", "0")))
    assert exchange_rate("USD", "EUR", sources=book(), targets=silent) is None


def test_a_currency_that_is_not_known_is_not_that_of_a_symbol_without_one() -> None:
    """Such symbols, and such that would tell the rate of the other side, say nothing."""
    nameless = book(spec(tick_size=Decimal("0.00001"), tick_value=Decimal("0.80")))
    assert exchange_rate(None, "EUR", sources=nameless, targets=nameless) is None
    named = book(spec(**quoted("EURUSD", "USD", "0.80")))
    assert exchange_rate("USD", None, sources=named, targets=named) is None


@pytest.mark.parametrize("unknown", ["tick_size", "tick_value", "contract_size"])
def test_a_symbol_that_leaves_a_figure_out_gives_no_rate(unknown: str) -> None:
    silent = spec(**{**quoted("EURUSD", "USD", "0.80"), unknown: Decimal(0)})
    assert exchange_rate("USD", "EUR", sources={}, targets=book(silent)) is None
    told = spec(**quoted("GBPUSD", "USD", "0.80"))
    assert exchange_rate("USD", "EUR", sources={}, targets=book(silent, told)) == Decimal("0.8")
