"""Deals.mqh: what a broker books in many ways is one row for each closing, with all of its money."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from eagateway_sdk.paper import Amounts

from ea.host.sim.broker import Broker
from ea.host.sim.hedging import Deal, Hedging
from ea.host.sim.terminal import Terminal
from tests.ea.probes import built
from tests.ea.seats import NOON, Clock

pytestmark = pytest.mark.compiles
BIG = 4_300_000_001
NOTHING = (Decimal(0), Decimal(0))


@pytest.fixture
def account() -> Hedging:
    return Hedging(Broker(clock=Clock(), sleep=lambda _: None))


@pytest.fixture
def terminal(account: Hedging, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(account.broker, tmp_path, account) as running:
        running.start(built("DealsProbe"))
        yield running


def rows(terminal: Terminal) -> list[str]:
    """What the program makes of the deals."""
    before = len(terminal.said())
    terminal.click("show")
    terminal.hears("done", after=before)
    return [line.removeprefix("row ") for line in terminal.said()[before:] if line.startswith("row ")]


def deal(
    account: Hedging, order: int, position: int, kind: int, entry: int, lots: str, price: str, *,
    magic: int = 0, comment: str = "", reason: int = 0, **money: str,
) -> None:  # fmt: skip
    """One line of the history, the next one."""
    number = len(account.deals) + 1
    amounts = Amounts(**{name: Decimal(value) for name, value in money.items()})
    time = int(NOON) - 1000 + number
    account.deals.append(
        Deal(
            number, order, position, kind, entry, "EURUSD", Decimal(lots), Decimal(price), time, amounts, magic,
            comment, reason, NOTHING,
        )
    )  # fmt: skip


def test_commission_of_the_opening_is_booked_part_by_part_to_the_cent(terminal: Terminal, account: Hedging) -> None:
    deal(account, 50, 50, 0, 0, "0.30", "1.1", magic=7, comment="c1", commission="-1.00", taxes="-0.01")
    for order in (60, 61, 62):
        deal(account, order, 50, 1, 1, "0.10", "1.2", profit="10.00", swap="-0.10", commission="-0.50")
    said = rows(terminal)
    assert said == [
        "50 0 0.10 left 0.20 at 1.20000 by 60 of 7 'c1' booked 10.00 -0.10 -0.84",
        "50 0 0.10 left 0.10 at 1.20000 by 61 of 7 'c1' booked 10.00 -0.10 -0.83",
        "50 0 0.10 left 0.00 at 1.20000 by 62 of 7 'c1' booked 10.00 -0.10 -0.84",
    ]
    paid = sum(Decimal(line.split(" ")[-1]) for line in said)
    assert paid == Decimal("-1.00") + Decimal("-0.01") + 3 * Decimal("-0.50")


def test_an_order_that_was_filled_in_parts_is_one_closing_at_the_mean_price(
    terminal: Terminal, account: Hedging
) -> None:
    deal(account, 50, 50, 1, 0, "0.10", "1.1")
    deal(account, 50, 50, 1, 0, "0.20", "1.1")
    deal(account, BIG, 50, 0, 1, "0.10", "1.2", profit="1.00")
    deal(account, BIG, 50, 0, 1, "0.05", "1.5", profit="2.00", swap="-0.20")
    deal(account, BIG + 2, 50, 0, 1, "0.15", "1.4", reason=4, profit="3.00")
    assert rows(terminal) == [
        f"50 1 0.15 left 0.15 at 1.30000 by {BIG} of 0 '' booked 3.00 -0.20 0.00",
        f"50 1 0.15 left 0.00 at 1.40000 by {BIG + 2} of 0 '[sl]' booked 3.00 0.00 0.00",
    ]


def test_positions_that_close_each_other_are_two_closings_by_one_order(terminal: Terminal, account: Hedging) -> None:
    deal(account, 50, 50, 0, 0, "0.30", "1.1", magic=7)
    deal(account, 51, 51, 1, 0, "0.10", "1.1", magic=8)
    deal(account, 60, 51, 0, 3, "0.10", "1.1")
    deal(account, 60, 50, 1, 3, "0.10", "1.1", profit="4.00")
    assert rows(terminal) == [
        "51 1 0.10 left 0.00 at 1.10000 by 60 of 8 'close hedge by #' booked 0.00 0.00 0.00",
        "50 0 0.10 left 0.20 at 1.10000 by 60 of 7 'close hedge by #' booked 4.00 0.00 0.00",
    ]


def test_a_deal_that_turns_a_position_round_closes_no_more_than_there_was(terminal: Terminal, account: Hedging) -> None:
    deal(account, 50, 50, 0, 0, "0.30", "1.1", magic=7, commission="-0.30")
    deal(account, 60, 50, 1, 1, "0.10", "1.2", profit="1.00")
    deal(account, 61, 50, 1, 2, "0.50", "1.2", profit="2.00", commission="-0.50")
    deal(account, 62, 50, 0, 1, "0.30", "1.3", profit="-3.00")
    assert rows(terminal) == [
        "50 0 0.10 left 0.20 at 1.20000 by 60 of 7 '' booked 1.00 0.00 -0.10",
        "50 0 0.20 left 0.00 at 1.20000 by 61 of 7 '' booked 2.00 0.00 -0.70",
        "50 1 0.30 left 0.00 at 1.30000 by 62 of 0 '' booked -3.00 0.00 0.00",
    ]


def test_a_deal_that_turned_round_what_the_history_does_not_show_is_left_out(
    terminal: Terminal, account: Hedging
) -> None:
    deal(account, 61, 50, 1, 2, "0.50", "1.2", profit="2.00")
    deal(account, 62, 50, 0, 1, "0.30", "1.3", profit="-3.00")
    assert rows(terminal) == []


def test_the_magic_number_is_that_of_the_opening_and_causes_come_from_the_reason(
    terminal: Terminal, account: Hedging
) -> None:
    for position, reason in ((50, 4), (51, 5), (52, 6), (53, 0)):
        deal(account, position, position, 0, 0, "0.10", "1.1", magic=7)
        deal(account, position + 10, position, 1, 1, "0.10", "1.1", reason=reason, comment="anything", magic=0)
    said = rows(terminal)
    assert [line.split("'")[1] for line in said] == ["[sl]", "[tp]", "so: stop out", ""]
    assert all(" of 7 " in line for line in said)


def test_money_is_told_by_its_deal_and_a_closing_without_its_beginning_is_left_out(
    terminal: Terminal, account: Hedging
) -> None:
    deal(account, 60, 9, 1, 1, "0.10", "1.1", profit="1.00")
    deal(account, 0, 0, 2, 0, "0", "0", comment="Deposit", profit="250.00")
    deal(account, 0, 0, 3, 0, "0", "0", comment="Credit in", profit="10.00")
    deal(account, 0, 0, 6, 0, "0", "0", comment="Bonus", profit="5.00")
    deal(account, 0, 0, 4, 0, "0", "0", comment="Fee", profit="-1.00")
    assert [(line.split(" ")[0], line.split(" ")[1], line.split(" ")[-3]) for line in rows(terminal)] == [
        ("2", "6", "250.00"), ("3", "7", "10.00"), ("4", "7", "5.00"), ("5", "6", "-1.00"),
    ]  # fmt: skip
