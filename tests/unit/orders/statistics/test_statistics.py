"""The figures of an MT4 statement, on cases worked out by hand and on what must hold for all."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.statistics.statement import Trade, close_books, summarise
from orders.domain.wire.intents import Side

RECORDING = Path(__file__).parents[4] / "eagateway" / "demo" / "recordings" / "4xlots-20171107"
NETS = st.lists(st.decimals(min_value=-500, max_value=500, places=2), max_size=60)


def trades(*nets: str | Decimal, side: Side | None = Side.BUY) -> list[Trade]:
    """Trades that closed one after another."""
    return [
        Trade(f"2026.11.{1 + number // 24:02} {number % 24:02}:00:00", number + 1, side, Decimal(net))
        for number, net in enumerate(nets)
    ]


def figures(*nets: str | Decimal, start: str = "100", decimals: int = 2) -> dict[str, str]:
    return summarise(trades(*nets), starting_balance=Decimal(start), decimals=decimals)


def amount(text: str) -> Decimal:
    """A printed amount as a number."""
    return Decimal(text.replace(" ", ""))


def test_a_small_account_worked_out_by_hand() -> None:
    made = [*trades("10", "-4", "-8", "0", "20.50"), Trade("2026.11.01 05:00:00", 6, Side.SELL, Decimal("-1.25"))]
    assert summarise(made, starting_balance=Decimal(100), decimals=2) == {
        "Gross Profit": "30.50",
        "Gross Loss": "13.25",
        "Total Net Profit": "17.25",
        "Profit Factor": "2.30",
        "Expected Payoff": "2.88",
        "Absolute Drawdown": "2.00",
        "Maximal Drawdown": "12.00 (10.91%)",
        "Relative Drawdown": "10.91% (12.00)",
        "Total Trades": "6",
        "Short Positions (won %)": "1 (0.00%)",
        "Long Positions (won %)": "5 (60.00%)",
        "Profit Trades (% of total)": "3 (50.00%)",
        "Loss trades (% of total)": "3 (50.00%)",
        "Largest profit trade": "20.50",
        "Largest loss trade": "-8.00",
        "Average profit trade": "10.17",
        "Average loss trade": "-4.42",
        "Maximum consecutive wins ($)": "2 (20.50)",
        "Maximum consecutive losses ($)": "2 (-12.00)",
        "Maximal consecutive profit (count)": "20.50 (2)",
        "Maximal consecutive loss (count)": "-12.00 (2)",
        "Average consecutive wins": "2",
        "Average consecutive losses": "2",
    }


def test_trades_are_taken_by_close_time_and_then_by_ticket() -> None:
    second = "2026.11.01 00:00:01"
    made = [
        Trade(second, 3, Side.BUY, Decimal(-5)),
        Trade(second, 2, Side.BUY, Decimal(10)),
        Trade("2026.11.01 00:00:00", 9, Side.BUY, Decimal(-5)),
        Trade(second, 10, Side.BUY, Decimal(-5)),
    ]
    printed = summarise(made, starting_balance=Decimal(100), decimals=2)
    assert printed["Maximum consecutive losses ($)"] == "2 (-10.00)"
    assert printed["Maximal Drawdown"] == "10.00 (9.52%)"


@given(NETS, st.randoms())
def test_the_order_in_which_trades_come_does_not_matter(nets: list[Decimal], random: Any) -> None:
    shuffled = trades(*nets)
    random.shuffle(shuffled)
    assert summarise(shuffled, starting_balance=Decimal(100), decimals=2) == figures(*nets)


def test_a_net_of_exactly_zero_is_a_profit_trade_and_keeps_a_run_going() -> None:
    printed = figures("1", "0", "0.00", "2", "-1")
    assert printed["Profit Trades (% of total)"] == "4 (80.00%)"
    assert printed["Maximum consecutive wins ($)"] == "4 (3.00)"
    assert printed["Largest profit trade"] == "2.00"


def test_a_run_of_zeros_is_a_run() -> None:
    assert figures("0", "0", "-1")["Maximal consecutive profit (count)"] == "0.00 (2)"


def test_maximal_and_relative_drawdown_may_be_different_ones() -> None:
    printed = figures("-5", "905", "-20")
    assert printed["Maximal Drawdown"] == "20.00 (2.00%)"
    assert printed["Relative Drawdown"] == "5.00% (5.00)"
    assert printed["Absolute Drawdown"] == "5.00"


def test_of_equal_drawdowns_the_first_is_printed() -> None:
    assert figures("-10", "110", "-10")["Maximal Drawdown"] == "10.00 (10.00%)"


def test_a_drawdown_may_be_larger_than_the_account_ever_was() -> None:
    assert figures("-150")["Maximal Drawdown"] == "150.00 (150.00%)"


def test_a_drawdown_from_nothing_is_a_total_one_and_never_relative() -> None:
    printed = figures("-5", "2", start="0")
    assert printed["Maximal Drawdown"] == "5.00 (100.00%)"
    assert printed["Relative Drawdown"] == "0.00% (0.00)"
    assert figures("-5", "105", "-10", start="0")["Relative Drawdown"] == "10.00% (10.00)"


@pytest.mark.parametrize(
    ("nets", "longest"),
    [
        (["1", "1", "-1", "2", "1"], "2 (3.00)"),
        (["2", "1", "-1", "1", "1"], "2 (3.00)"),
        (["1", "1", "-1", "9", "-1", "2", "2"], "2 (2.00)"),
        (["1", "1", "-1", "9", "-1", "5", "5"], "2 (10.00)"),
        (["9", "-1", "1", "1"], "2 (2.00)"),
    ],
)
def test_an_equally_long_run_replaces_only_if_no_run_before_made_more(nets: list[str], longest: str) -> None:
    assert figures(*nets)["Maximum consecutive wins ($)"] == longest


def test_the_rule_for_runs_holds_for_losses_the_other_way_round() -> None:
    printed = figures("-1", "-1", "1", "-9", "1", "-2", "-2")
    assert printed["Maximum consecutive losses ($)"] == "2 (-2.00)"
    assert printed["Maximal consecutive loss (count)"] == "-9.00 (1)"


def test_the_largest_run_is_that_of_the_most_money_and_of_equal_ones_the_first() -> None:
    assert figures("1", "1", "1", "-1", "9")["Maximal consecutive profit (count)"] == "9.00 (1)"
    assert figures("3", "-1", "1", "2")["Maximal consecutive profit (count)"] == "3.00 (1)"


@pytest.mark.parametrize(("wins", "average"), [(["1", "-1", "1", "1"], "2"), (["1", "-1", "1", "-1", "1", "1"], "1")])
def test_the_average_run_is_rounded_half_up_to_a_whole_number(wins: list[str], average: str) -> None:
    assert figures(*wins)["Average consecutive wins"] == average


def test_everything_is_rounded_half_up_and_away_from_zero() -> None:
    printed = figures("0.01", "0.02", "-0.01", "-0.02")
    assert (printed["Average profit trade"], printed["Average loss trade"]) == ("0.02", "-0.02")
    assert figures("-0.01", "0")["Expected Payoff"] == "-0.01"
    assert figures("1", *["-1"] * 15)["Profit Trades (% of total)"] == "1 (6.25%)"
    assert figures("1", *["-1"] * 31)["Profit Trades (% of total)"] == "1 (3.13%)"


def test_a_negative_zero_is_never_printed() -> None:
    for printed in (figures("-0.001"), figures("0.004", "-0.008"), figures("-0.4", decimals=0), figures("-0.00")):
        assert not [text for text in printed.values() if text.startswith(("-0.00", "-0 ")) or text.endswith("-0")]
    assert figures("-0.001")["Maximum consecutive losses ($)"] == "1 (0.00)"


def test_thousands_are_set_apart_by_spaces() -> None:
    printed = figures("1234567.89", "-2500", start="10000000")
    assert printed["Gross Profit"] == "1 234 567.89"
    assert printed["Largest loss trade"] == "-2 500.00"
    assert printed["Maximal Drawdown"] == "2 500.00 (0.02%)"
    assert printed["Maximum consecutive wins ($)"] == "1 (1 234 567.89)"


def test_counts_are_printed_without_spaces() -> None:
    assert figures(*["1"] * 700, *["1"] * 700)["Total Trades"] == "1400"


def test_yen_have_no_decimals_but_ratios_and_payoff_have_two() -> None:
    assert figures("1000", "-301", "-200", start="50000", decimals=0) == {
        "Gross Profit": "1 000",
        "Gross Loss": "501",
        "Total Net Profit": "499",
        "Profit Factor": "2.00",
        "Expected Payoff": "166.33",
        "Absolute Drawdown": "0",
        "Maximal Drawdown": "501 (0.98%)",
        "Relative Drawdown": "0.98% (501)",
        "Total Trades": "3",
        "Short Positions (won %)": "0 (0.00%)",
        "Long Positions (won %)": "3 (33.33%)",
        "Profit Trades (% of total)": "1 (33.33%)",
        "Loss trades (% of total)": "2 (66.67%)",
        "Largest profit trade": "1 000",
        "Largest loss trade": "-301",
        "Average profit trade": "1 000",
        "Average loss trade": "-251",
        "Maximum consecutive wins ($)": "1 (1 000)",
        "Maximum consecutive losses ($)": "2 (-501)",
        "Maximal consecutive profit (count)": "1 000 (1)",
        "Maximal consecutive loss (count)": "-501 (2)",
        "Average consecutive wins": "1",
        "Average consecutive losses": "2",
    }


@pytest.mark.parametrize("start", ["0", "100", "-5"])
def test_an_account_without_trades_is_all_zeros(start: str) -> None:
    printed = figures(start=start)
    assert len(printed) == 23
    assert not set("".join(printed.values())) & set("123456789-")


def test_without_losses_the_profit_factor_is_zero() -> None:
    printed = figures("5", "5")
    assert (printed["Profit Factor"], printed["Gross Loss"], printed["Average loss trade"]) == ("0.00", "0.00", "0.00")
    assert printed["Maximum consecutive losses ($)"] == "0 (0.00)"


def test_without_wins_the_profit_factor_is_zero_too() -> None:
    printed = figures("-5", "-5")
    assert (printed["Profit Factor"], printed["Gross Profit"], printed["Largest profit trade"]) == (
        "0.00",
        "0.00",
        "0.00",
    )


def test_deposits_and_results_make_the_balance() -> None:
    rows, nets = [Decimal(110), Decimal(700), Decimal("-60.50")], [Decimal("606.01"), Decimal("-0.02")]
    assert close_books(rows, nets, decimals=2) == {
        "Deposit/Withdrawal": "749.50",
        "Closed P/L": "605.99",
        "Balance": "1 355.49",
    }
    assert close_books([], [], decimals=0) == {"Deposit/Withdrawal": "0", "Closed P/L": "0", "Balance": "0"}


@given(NETS)
def test_profit_less_loss_is_the_net_result(nets: list[Decimal]) -> None:
    printed = figures(*nets)
    net = amount(printed["Total Net Profit"])
    assert amount(printed["Gross Profit"]) - amount(printed["Gross Loss"]) == net == sum(nets)
    assert amount(printed["Gross Loss"]) >= 0


@given(NETS, NETS)
def test_wins_and_losses_and_long_and_short_make_all_trades(long: list[Decimal], short: list[Decimal]) -> None:
    made = [*trades(*long), *trades(*short, side=Side.SELL)]
    printed = summarise(made, starting_balance=Decimal(100), decimals=2)

    def count(name: str) -> int:
        return int(printed[name].partition(" ")[0])

    assert count("Total Trades") == len(long) + len(short)
    assert count("Profit Trades (% of total)") + count("Loss trades (% of total)") == count("Total Trades")
    assert count("Long Positions (won %)") == len(long)
    assert count("Short Positions (won %)") == len(short)


def test_a_trade_whose_side_nobody_has_told_is_neither_long_nor_short() -> None:
    made = [*trades("5", "-1"), *trades("7", "-2", "-3", side=None), *trades("4", side=Side.SELL)]
    printed = summarise(made, starting_balance=Decimal(100), decimals=2)
    assert printed["Total Trades"] == "6"
    assert printed["Long Positions (won %)"] == "2 (50.00%)"
    assert printed["Short Positions (won %)"] == "1 (100.00%)"
    assert printed["Profit Trades (% of total)"] == "3 (50.00%)"
    assert printed["Loss trades (% of total)"] == "3 (50.00%)"


@given(NETS)
def test_no_drawdown_is_deeper_than_the_maximal_nor_steeper_than_the_relative(nets: list[Decimal]) -> None:
    printed = figures(*nets)
    maximal, _, its_percent = printed["Maximal Drawdown"].rpartition(" (")
    relative, _, its_money = printed["Relative Drawdown"].rpartition("% (")
    assert amount(maximal) >= amount(its_money.rstrip(")")) >= 0
    assert amount(relative) >= amount(its_percent.rstrip("%)"))
    assert amount(maximal) >= amount(printed["Absolute Drawdown"]) >= 0
    assert amount(printed["Absolute Drawdown"]) >= -sum(nets)


@given(NETS)
def test_the_longest_run_has_the_most_trades_and_the_largest_the_most_money(nets: list[Decimal]) -> None:
    printed = figures(*nets)
    longest, money = printed["Maximum consecutive wins ($)"].rstrip(")").split(" (")
    largest, count = printed["Maximal consecutive profit (count)"].rstrip(")").rsplit(" (", 1)
    assert int(longest) >= int(count)
    assert amount(largest) >= amount(money)
    assert amount(largest) >= amount(printed["Largest profit trade"])
    assert int(longest) <= sum(net >= 0 for net in nets)


@given(NETS)
def test_more_money_scales_amounts_and_leaves_ratios_alone(nets: list[Decimal]) -> None:
    small = figures(*nets)
    large = figures(*(net * 100 for net in nets), start="10000")
    for name in ("Profit Factor", "Total Trades", "Profit Trades (% of total)", "Average consecutive wins"):
        assert small[name] == large[name]
    assert amount(large["Gross Profit"]) == 100 * amount(small["Gross Profit"])
    assert small["Relative Drawdown"].partition("%")[0] == large["Relative Drawdown"].partition("%")[0]


# A real account's recording -------------------------------------------------------------------------------------------


def events() -> Iterator[dict[str, Any]]:
    for line in (RECORDING / "stream.jsonl").read_text().splitlines():
        yield json.loads(line)


def net_of(event: Mapping[str, str]) -> Decimal:
    return sum((Decimal(event[part]) for part in ("profit", "swap", "commission", "taxes")), Decimal(0))


def test_the_figures_of_a_real_account_are_those_that_mt4_printed() -> None:
    sides = {event["ticket"]: Side(event["type"]) for event in events() if event["ev"] == "open"}
    made = [
        Trade(event["t"], event["ticket"], sides[event["ticket"]], net_of(event))
        for event in events()
        if event["ev"] == "close"
    ]
    deposits = [Decimal(event["amount"]) for event in events() if event["ev"] == "balance"]
    computed = summarise(made, starting_balance=deposits[0], decimals=2)
    computed |= close_books(deposits, [trade.net for trade in made], decimals=2)
    printed = json.loads((RECORDING / "printed.json").read_text())["printed"]
    assert len(computed) == 26
    assert computed == {name: printed[name] for name in computed}
