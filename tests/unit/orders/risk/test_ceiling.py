"""The ceiling above every other rule: figures that no person means."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.decision.inputs import Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.risk.limits import Exposure, Trade, check_ceiling
from orders.domain.sizing.modes import Funds, Mode
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
