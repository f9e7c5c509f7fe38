"""The ceiling above every other rule: figures that no person means."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.decision.inputs import Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.risk.limits import Exposure, Trade, check_ceiling
from orders.domain.sizing.modes import ContractSize, Funds, Mode
from orders.domain.sizing.rounding import notional
from orders.domain.states.denials import Code, Denied
from sessions_app.domain.decimals import Lots
from tests.unit.builders import NOW, book, case, intent, rules, spec, terminal

TRADE = Trade(lots=Decimal("0.10"), master_lots=Decimal("0.10"))
MOST = Decimal(30)


def checked(trade: Trade, exposure: Exposure | None = None, most: Decimal | None = MOST) -> dict[str, Any]:
    return check_ceiling(trade, exposure or Exposure(), max_leverage=most)


def denied(trade: Trade, exposure: Exposure | None = None) -> Denied:
    with pytest.raises(Denied) as caught:
        checked(trade, exposure)
    return caught.value


def worth(notional: str, equity: str) -> Trade:
    return replace(TRADE, notional=Decimal(notional), equity=Decimal(equity))


def test_a_trade_may_be_worth_thirty_times_the_equity() -> None:
    told = checked(worth("300000", "10000"))
    assert (told["leverage"], told["max_leverage"]) == (30, 30)
    refused = denied(worth("300000.01", "10000"))
    assert (refused.code, refused.evidence["notional_after"]) == (Code.ABOVE_CEILING, Decimal("300000.01"))


def test_an_equity_of_less_than_one_counts_too() -> None:
    assert checked(worth("15", "0.5"))["leverage"] == 30
    assert denied(worth("15.01", "0.5")).evidence["notional_after"] == Decimal("15.01")


def test_what_is_open_already_counts() -> None:
    assert checked(worth("100000", "10000"), Exposure(notional=Decimal(200_000)))
    assert denied(worth("100001", "10000"), Exposure(notional=Decimal(200_000))).evidence["equity"] == 10_000


def test_without_its_worth_the_lots_are_compared_with_the_masters() -> None:
    assert checked(replace(TRADE, lots=Decimal(10))) == {}
    refused = denied(replace(TRADE, lots=Decimal("10.01")))
    assert refused.evidence == {"lots": Decimal("10.01"), "master_lots": Decimal("0.10"), "most_times": 100}


@pytest.mark.parametrize("equity", [None, "0", "-5"])
def test_without_an_equity_the_lots_are_compared_too(equity: str | None) -> None:
    told = replace(TRADE, lots=Decimal(11), notional=Decimal(1), equity=None if equity is None else Decimal(equity))
    assert denied(told).evidence["most_times"] == 100


@pytest.mark.parametrize("currency", ["USC", "euc"])
def test_an_account_in_cents_may_have_a_thousand_times_the_lots(currency: str) -> None:
    assert checked(replace(TRADE, lots=Decimal(100), currency=currency)) == {}
    assert denied(replace(TRADE, lots=Decimal("100.01"), currency=currency)).evidence["most_times"] == 1000


def test_many_small_lots_for_a_large_one_are_no_larger_trade() -> None:
    assert checked(replace(TRADE, lots=Decimal(1000), contracts=Decimal("0.001"))) == {}
    assert denied(replace(TRADE, lots=Decimal(1000), contracts=Decimal("0.1"))).code is Code.ABOVE_CEILING


def test_lots_that_a_person_has_chosen_are_not_compared() -> None:
    assert checked(replace(TRADE, lots=Decimal(50), chosen=True)) == {}
    assert checked(replace(TRADE, lots=Decimal(50), master_lots=Decimal(0))) == {}


def test_it_can_be_switched_off() -> None:
    assert checked(worth("300001", "1"), most=None) == {}
    assert checked(replace(TRADE, lots=Decimal(1000)), most=None) == {}


# In decisions --------------------------------------------------------------------------------------------------------

PRICED = spec(tick_size=Decimal("0.00001"), tick_value=Decimal(1))
RICH = Funds("USD", balance=Decimal(100_000), equity=Decimal(100_000), as_of=NOW)


def test_a_master_who_is_all_but_lost_makes_no_huge_trade() -> None:
    """Equity 1.20 of a balance of 1.20: no base is unusable, and still nobody means 833 lots for 0.01."""
    lost = Funds("USD", balance=Decimal("1.20"), equity=Decimal("1.20"))
    asked = case(
        intent(lots=Lots("0.01")),
        rules=rules(mode=Mode.EQUITY_RATIO),
        master_funds=lost,
        follower_funds=RICH,
        follower=terminal(book(spec(most="1000"))),
    )
    verdict = decide(asked)
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.DENIED, Code.ABOVE_CEILING, ())
    assert verdict.steps[-1] | {"lots": "833.33"} == verdict.steps[-1]
    assert decide(replace(asked, max_leverage=None)).outcome is Outcome.COPIED


def test_the_worth_of_a_trade_follows_from_the_terms_of_its_symbol() -> None:
    # 0.10 lots at 1.10000: 11,000 USD.
    poor = Funds("USD", balance=Decimal(366), equity=Decimal(366), as_of=NOW)
    asked = case(follower=terminal(book(PRICED)), follower_funds=poor)
    assert decide(asked).code is Code.ABOVE_CEILING
    enough = replace(poor, equity=Decimal(367))
    told = decide(replace(asked, follower_funds=enough)).steps[-2]
    assert (told["step"], told["notional_after"], told["leverage"]) == ("guards", "11000", "29.97")


def test_fixed_lots_are_no_multiple_of_the_masters() -> None:
    asked = case(intent(lots=Lots("0.01")), rules=rules(mode=Mode.FIXED_LOTS, lots=Decimal(5)))
    assert decide(asked).outcome is Outcome.COPIED


BY_LOTS = case(
    rules=rules(mode=Mode.MIRRORED, multiplier=Decimal(200), contract_size=ContractSize.IGNORE),
    follower=terminal(book(spec(most="1000"))),
    follower_funds=RICH,
)
"""20 lots for 0.10 of the master's, of a symbol whose terms tell no worth: two hundred times."""


def test_what_is_compared_are_the_lots_after_rounding_with_the_masters() -> None:
    verdict = decide(BY_LOTS)
    told = verdict.steps[-1]
    assert (verdict.code, told["step"], told["lots"], told["master_lots"]) == (
        Code.ABOVE_CEILING, "guards", "20", "0.1",
    )  # fmt: skip
    # Cut to a hundred times it is taken.
    settings: dict[str, Any] = {"mode": Mode.MIRRORED, "multiplier": Decimal(200), "contract_size": ContractSize.IGNORE}
    assert decide(replace(BY_LOTS, rules=rules(**settings, max_lots=Decimal(10)))).outcome is Outcome.COPIED


@pytest.mark.parametrize(
    ("ours", "theirs", "code"),
    [
        ("1000", "100000", None),  # two hundred lots of a hundredth: twice the quantity
        ("50000", "100000", None),  # a hundred times, exactly
        ("50001", "100000", Code.ABOVE_CEILING),
        ("100000", "1000", Code.ABOVE_CEILING),
        ("0.01", "1", None),
        ("1000", "0", Code.ABOVE_CEILING),  # nobody knows the master's: lots are lots
    ],
)
def test_the_quantity_of_a_lot_counts_where_both_tell_it(ours: str, theirs: str, code: Code | None) -> None:
    asked = replace(
        BY_LOTS,
        follower=terminal(book(spec(most="1000", contract_size=Decimal(ours)))),
        master=terminal(book(spec(contract_size=Decimal(theirs)))),
    )
    assert decide(asked).code is code


def test_a_symbol_that_the_master_does_not_list_is_compared_by_lots() -> None:
    small = terminal(book(spec(most="1000", contract_size=Decimal(1))))
    assert decide(replace(BY_LOTS, follower=small, master=terminal(book(spec("GBPUSD"))))).code is Code.ABOVE_CEILING


def test_it_is_the_followers_currency_that_may_be_cents() -> None:
    cents = terminal(book(spec(most="1000")), currency="USC")
    assert decide(replace(BY_LOTS, follower=cents)).outcome is Outcome.COPIED
    assert decide(replace(BY_LOTS, master=replace(BY_LOTS.master, currency="USC"))).code is Code.ABOVE_CEILING


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"tick_size": Decimal("0.00001")},
        {"tick_value": Decimal(1)},
        {"tick_size": Decimal(0), "tick_value": Decimal(1)},
    ],
)
def test_a_worth_needs_both_terms(terms: dict[str, Any]) -> None:
    assert notional(spec(**terms), Decimal(1), Decimal("1.1")) is None


def test_a_worth_is_lots_times_price_in_ticks_times_their_value() -> None:
    # 2 lots at 150.25 of ticks of 0.01, each worth 0.65: 15,025 ticks x 2 x 0.65.
    yen = spec("USDJPY", tick_size=Decimal("0.01"), tick_value=Decimal("0.65"))
    assert notional(yen, Decimal(2), Decimal("150.25")) == Decimal("19532.5")
    assert notional(yen, Decimal(2), None) is None
    assert notional(yen, Decimal(2), Decimal(0)) is None
    assert notional(None, Decimal(2), Decimal(1)) is None
