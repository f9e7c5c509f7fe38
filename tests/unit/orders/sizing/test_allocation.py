"""How large to copy."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.sizing.modes import Basis, ContractSize, Funds, Mode, Sizing, allocate
from orders.domain.sizing.rates import Rate, exchange_rate
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
        rate=None if rate is None else Rate(Decimal(rate), Decimal(rate), Decimal(rate)),
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


def rate_of(*, source: str | None, target: str | None, sources: Any = None, targets: Any = None) -> Decimal | None:
    found = exchange_rate(source, target, sources=sources or {}, targets=targets or {})
    return None if found is None else found.value


def test_the_same_currency_needs_no_rate() -> None:
    assert rate_of(source="USD", target="USD") == 1


@pytest.mark.parametrize(("source", "target"), [(None, "USD"), ("USD", None), (None, None)])
def test_an_unknown_currency_has_no_rate(source: str | None, target: str | None) -> None:
    assert rate_of(source=source, target=target) is None


def test_the_rate_follows_from_the_followers_pair_of_both_currencies() -> None:
    # A EUR account: one tick of EURUSD (0.00001 x 100,000 = 1 USD) is worth 0.80 EUR.
    targets = book(spec(**quoted("GBPJPY", "JPY", "0.6", "0.001")), spec(**quoted("EURUSD", "USD", "0.80")))
    assert rate_of(source="USD", target="EUR", targets=targets) == Decimal("0.8")


def test_the_rate_follows_from_the_masters_pairs_the_other_way_round() -> None:
    sources = book(spec(**quoted("USDJPY", "JPY", "0.625", "0.001")))
    assert rate_of(source="USD", target="JPY", sources=sources) == Decimal(160)


def test_another_pair_tells_the_rate_where_none_of_both_currencies_does() -> None:
    """A JPY master, a USD follower with EURUSD alone: the master's EURUSD is quoted in USD, and worth 150 JPY."""
    sources = book(spec(**quoted("EURUSD", "USD", "150")))
    found = rate_of(source="JPY", target="USD", sources=sources, targets=book(spec(**quoted("EURUSD", "USD", "1"))))
    assert found == 1 / Decimal(150)


def test_a_pair_of_both_currencies_goes_before_others() -> None:
    targets = book(spec(**quoted("GBPUSD", "USD", "0.5")), spec(**quoted("EURUSD.pro", "USD", "0.80")))
    assert rate_of(source="USD", target="EUR", targets=targets) == Decimal("0.8")


@pytest.mark.parametrize("name", ["SPX500", "US30.cash", "XAUUSD", "BTCUSD", "USDX", "ES_U26", "FUTEURUSDXXXXXXXXX"])
def test_what_is_no_pair_of_currencies_tells_no_rate(name: str) -> None:
    """An index future in front of all pairs once told 4.6 for 0.92."""
    odd = spec(**quoted(name, "USD", "4.6"))
    assert rate_of(source="USD", target="EUR", targets=book(odd)) is None
    assert rate_of(source="USD", target="EUR", targets=book(odd, spec(**quoted("EURUSD", "USD", "0.92")))) == Decimal(
        "0.92"
    )


@pytest.mark.parametrize(
    ("mode", "told"), [("forex", True), ("Forex_No_Leverage", True), ("futures", False), ("cfd", False)]
)
def test_a_pair_is_what_the_terminal_computes_as_one(mode: str, told: bool) -> None:
    targets = book(spec(**quoted("EURUSD", "USD", "0.92"), calculation_mode=mode))
    assert (rate_of(source="USD", target="EUR", targets=targets) is not None) is told


def test_a_name_that_its_price_contradicts_is_no_pair() -> None:
    targets = book(spec(**quoted("EURUSD", "GBP", "0.92")))
    assert rate_of(source="GBP", target="EUR", targets=targets) is None


def test_of_several_pairs_the_middle_counts() -> None:
    names = zip(("EURUSD", "EURUSD.a", "EURUSD.b"), ("0.92", "0.93", "0.921"), strict=True)
    targets = book(*(spec(**quoted(name, "USD", value)) for name, value in names))
    found = exchange_rate("USD", "EUR", sources={}, targets=targets)
    assert found == Rate(Decimal("0.921"), Decimal("0.92"), Decimal("0.93"))
    assert not found.unclear


def test_pairs_that_are_far_apart_are_never_guessed_between() -> None:
    unclear = Rate(Decimal("0.95"), Decimal("1"), Decimal("1.0201"))
    denied = denial(RATIO, replace(basis(), rate=unclear))
    assert (denied.code, denied.evidence) == (
        Code.ALLOCATION_RATE_UNCLEAR,
        {"rate_least": Decimal(1), "rate_most": Decimal("1.0201")},
    )
    at_the_limit = replace(unclear, most=Decimal("1.02"))
    assert allocate(RATIO, replace(basis(), rate=at_the_limit)) > 0
    assert allocate(Sizing(Mode.MIRRORED), replace(basis(), rate=unclear)) == Decimal("0.50")


def test_specs_that_do_not_tell_give_no_rate() -> None:
    silent = book(spec(quote_currency="USD"), spec(**quoted("GBPUSD", "USD", "0")))
    assert rate_of(source="USD", target="EUR", targets=silent) is None


def test_a_currency_that_is_not_known_is_not_that_of_a_symbol_without_one() -> None:
    """Such symbols, and such that would tell the rate of the other side, say nothing."""
    nameless = book(spec("ODD", tick_size=Decimal("0.00001"), tick_value=Decimal("0.80")))
    assert rate_of(source=None, target="EUR", sources=nameless, targets=nameless) is None
    named = book(spec(**quoted("EURUSD", "USD", "0.80")))
    assert rate_of(source="USD", target=None, sources=named, targets=named) is None


@pytest.mark.parametrize("unknown", ["tick_size", "tick_value", "contract_size"])
def test_a_symbol_that_leaves_a_figure_out_gives_no_rate(unknown: str) -> None:
    silent = spec(**{**quoted("EURUSD", "USD", "0.80"), unknown: Decimal(0)})
    assert rate_of(source="USD", target="EUR", targets=book(silent)) is None
    told = spec(**quoted("EURUSD.b", "USD", "0.80"))
    assert rate_of(source="USD", target="EUR", targets=book(silent, told)) == Decimal("0.8")


@pytest.mark.parametrize("tick_value", ["0.6666667", "0.66667", "0.6666666666"])
def test_a_rate_that_its_terminal_has_rounded_costs_no_step(tick_value: str) -> None:
    """1,500,000 JPY are 10,000 USD at 150: the master's 0.30 lots are 0.30, not 0.29."""
    targets = book(spec(**quoted("USDJPY", "JPY", tick_value, "0.001")))
    rate = exchange_rate("JPY", "USD", sources={}, targets=targets)
    asked = replace(basis("1500000", "10000"), master_lots=Decimal("0.30"), rate=rate)
    assert allocate(RATIO, asked) == Decimal("0.30")


# An equity that is all but lost --------------------------------------------------------------------------------------


def test_an_equity_below_a_tenth_of_its_balance_is_no_base() -> None:
    """A master at 1.20 of 1,000 once made 833 lots of 0.01."""
    lost = Funds("USD", balance=Decimal(1000), equity=Decimal("1.20"))
    denied = denial(EQUITY, replace(basis(), master=lost))
    assert denied.code is Code.ALLOCATION_BASE_UNUSABLE
    assert denied.evidence == {
        "base": "equity of the master",
        "equity": Decimal("1.20"),
        "balance": Decimal(1000),
    }
    follower = replace(lost, as_of=NOW)
    assert denial(EQUITY, replace(basis(), follower=follower)).evidence["base"] == "equity of the follower"


@pytest.mark.parametrize("share", ["100", "100.01"])
def test_a_tenth_of_the_balance_is_enough(share: str) -> None:
    assert allocate(EQUITY, replace(basis(), master=Funds("USD", Decimal(1000), Decimal(share)))) > 0


def test_a_base_that_is_fixed_or_a_balance_needs_no_equity() -> None:
    lost = Funds("USD", balance=Decimal(1000), equity=Decimal("1.20"))
    asked = replace(basis(), master=lost)
    assert allocate(replace(EQUITY, fixed_master_base=Decimal(1000)), asked) == Decimal("2.5")
    assert allocate(RATIO, asked) == Decimal("2.5")


# Contracts of another size -------------------------------------------------------------------------------------------


def sized(theirs: str, ours: str) -> Basis:
    return replace(
        basis(),
        master_spec=spec(contract_size=Decimal(theirs)),
        follower_spec=spec(contract_size=Decimal(ours)),
    )


@pytest.mark.parametrize("mode", [Mode.BALANCE_RATIO, Mode.EQUITY_RATIO])
def test_a_ratio_copies_the_share_of_the_quantity(mode: Mode) -> None:
    assert allocate(Sizing(mode), sized("10", "100")) == Decimal("0.025")
    assert sized("10", "100").told(Sizing(mode))["follower_contract"] == Decimal(100)
    assert allocate(Sizing(mode, contract_size=ContractSize.IGNORE), sized("10", "100")) == Decimal("0.25")
    assert allocate(Sizing(mode), sized("0", "100")) == Decimal("0.25")


@pytest.mark.parametrize(("theirs", "ours"), [("10", "100"), ("100", "10"), ("0", "100"), ("100", "100")])
def test_mirrored_lots_are_lots_up_to_ten_times_the_quantity(theirs: str, ours: str) -> None:
    assert allocate(Sizing(Mode.MIRRORED), sized(theirs, ours)) == Decimal("0.50")


@pytest.mark.parametrize(("theirs", "ours"), [("100", "10000"), ("10000", "100"), ("100", "1000.01")])
def test_mirrored_lots_of_quite_another_quantity_are_denied_with_the_setting_that_allows_them(
    theirs: str, ours: str
) -> None:
    denied = denial(Sizing(Mode.MIRRORED), sized(theirs, ours))
    assert denied.code is Code.CONTRACT_SIZES_DIFFER
    assert denied.evidence == {
        "master_contract": Decimal(theirs),
        "follower_contract": Decimal(ours),
        "setting": "contract_size",
        "choices": ["convert", "ignore"],
    }
    ignoring = Sizing(Mode.MIRRORED, contract_size=ContractSize.IGNORE)
    assert allocate(ignoring, sized(theirs, ours)) == Decimal("0.50")


def test_whoever_wants_it_mirrors_the_quantity() -> None:
    converting = Sizing(Mode.MIRRORED, contract_size=ContractSize.CONVERT)
    assert allocate(converting, sized("100", "10000")) == Decimal("0.005")
    assert denial(converting, sized("0", "100")).code is Code.ALLOCATION_DATA_MISSING
    assert denial(converting, replace(basis(), master_spec=None)).code is Code.ALLOCATION_DATA_MISSING


@pytest.mark.parametrize("mode", [Mode.FIXED_LOTS, Mode.CONTRACT_UNITS])
@pytest.mark.parametrize("setting", list(ContractSize))
def test_modes_that_know_their_quantity_do_not_ask(mode: Mode, setting: ContractSize) -> None:
    asked = Sizing(mode, lots=Decimal("0.005"), contract_size=setting)
    assert allocate(asked, sized("100", "10000")) == Decimal("0.005")


@pytest.mark.parametrize("mode", [Mode.BALANCE_RATIO, Mode.EQUITY_RATIO, Mode.MIRRORED])
@pytest.mark.parametrize("side", ["master_spec", "follower_spec"])
@pytest.mark.parametrize("told", [None, spec(contract_size=Decimal(0))])
def test_a_size_that_one_side_has_not_told_is_no_other_size(mode: Mode, side: str, told: Any) -> None:
    asked = replace(sized("10", "100"), **{side: told})
    assert not asked.differ
    assert allocate(Sizing(mode), asked) == allocate(Sizing(mode, contract_size=ContractSize.IGNORE), asked)
    with pytest.raises(Denied) as denied:
        allocate(Sizing(mode, contract_size=ContractSize.CONVERT), asked)
    whose = "master" if side == "master_spec" else "follower"
    assert denied.value.evidence == {"missing": f"contract size of the {whose}"}


@pytest.mark.parametrize("amount", [None, "0", "-1"])
@pytest.mark.parametrize("side", ["master", "follower"])
@pytest.mark.parametrize("mode", [Mode.BALANCE_RATIO, Mode.EQUITY_RATIO])
def test_a_figure_that_is_missing_or_nothing_is_named(mode: Mode, side: str, amount: str | None) -> None:
    figure = "balance" if mode is Mode.BALANCE_RATIO else "equity"
    changes: dict[str, Any] = {side: replace(funds(amount), as_of=NOW)}
    asked = replace(basis(), **changes)
    assert denial(Sizing(mode), asked).evidence == {"missing": f"{figure} of the {side}"}


def test_an_equity_is_measured_against_a_balance_that_is_known() -> None:
    unknown = Funds("USD", balance=None, equity=Decimal(100))
    assert allocate(Sizing(Mode.EQUITY_RATIO), replace(basis(), master=unknown)) == Decimal("25.0")


def test_a_fixed_base_may_be_any_share_of_the_balance() -> None:
    # 0.50 x 5,000 / 50, whatever is left of the account.
    lost = Funds("USD", balance=Decimal(1000), equity=Decimal("1.20"))
    asked = replace(basis(), master=lost)
    assert allocate(replace(EQUITY, fixed_master_base=Decimal(50)), asked) == Decimal(50)
