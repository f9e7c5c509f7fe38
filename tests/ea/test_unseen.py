"""What a program has not seen, cannot believe or must not tell yet: each is told once, and in its turn."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from ea.host.sim.broker import Broker
from tests.conformance.ea_journal import append
from tests.ea.seats import ACCOUNT, KEY, Clock, Seat, until
from tests.ea.test_watching import COPY, copies_that_ended, intents, looks, opening, told, watched

pytestmark = pytest.mark.compiles


def test_a_copy_of_which_a_hand_closes_a_part_before_the_first_look_at_it_is_told(seat: Seat) -> None:
    watched(seat)
    with seat.terminal.told.lock:
        copy = seat.broker.open("buy", "0.10", magic=COPY)
        seat.broker.close(copy, "0.06")
    until(lambda: copies_that_ended(seat) == [(copy, "manual")])
    (report,) = told(seat)
    assert (Decimal(report["lots"]), Decimal(report["remaining_lots"])) == (Decimal("0.06"), Decimal("0.04"))
    with seat.terminal.told.lock:
        seat.broker.close(seat.open[0].ticket)
    until(lambda: len(told(seat)) == 2)
    looks(seat)
    assert [Decimal(report["remaining_lots"]) for report in told(seat)] == [Decimal("0.04"), 0]


def in_doubt(seat: Seat) -> None:
    """As if its program had died while the order that opens the copy was sent."""
    seat.kill()
    (path,) = (seat.folder / "EAGateway").glob("*.log")
    words = {"command_id": "one", "action": "open", "copy_no": 17, "magic": COPY, "attempt": 1, "lots": "0.10"}
    append(path, "R", f"1 {UUID(int=1)} 1 {json.dumps(words)}")
    append(path, "S", "one 1 0 1")


def test_the_end_of_a_copy_is_told_when_the_doubt_about_its_opening_is_over(seat: Seat, clock: Clock) -> None:
    in_doubt(watched(seat))
    copy = seat.broker.open("buy", "0.10", magic=COPY)
    seat.start(MQL_CLOCK_RATE="20")
    looks(seat, 60)
    with seat.terminal.told.lock:
        clock.now += 1
        seat.broker.close(copy, mark="[sl]")
    looks(seat)
    looks(seat)
    assert told(seat) == []
    seat.kill()
    (path,) = (seat.folder / "EAGateway").glob("*.log")
    append(path, "D", "one 1 0 1")
    seat.start(MQL_CLOCK_RATE="20")
    until(lambda: copies_that_ended(seat) == [(copy, "stop_loss")])
    looks(seat)
    assert len(told(seat)) == 1


def test_copies_that_a_hand_closes_by_each_other_end_by_close_by_and_the_rest_is_the_larger_one(seat: Seat) -> None:
    watched(seat)
    with seat.terminal.told.lock:
        larger = seat.broker.open("buy", "0.10", magic=COPY)
        smaller = seat.broker.open("sell", "0.04", magic=COPY + 1)
    looks(seat)
    with seat.terminal.told.lock:
        rest = seat.broker.close_by(larger, smaller)
    until(lambda: len(copies_that_ended(seat)) == 2)
    looks(seat)
    told_of = sorted((one["ticket"], one["cause"], one["lots"], one["remaining_lots"]) for one in told(seat))
    assert told_of == [(larger, "close_by", "0.04", "0.06"), (smaller, "close_by", "0.04", "0")]
    with seat.terminal.told.lock:
        assert rest is not None
        seat.broker.close(rest)
    until(lambda: len(copies_that_ended(seat)) == 3)
    assert (told(seat)[-1]["cause"], told(seat)[-1]["lots"]) == ("manual", "0.06")


@pytest.mark.parametrize("platform", ["mt5"])
def test_a_part_that_is_closed_as_old_deals_leave_the_last_days_is_seen(seat: Seat, clock: Clock) -> None:
    assert seat.hedging is not None
    copies = [seat.broker.open("buy", "0.10", magic=COPY) for _ in range(48)]
    seat.hedging.refresh()
    for old in copies[:46]:
        seat.broker.close(old)
    seat.hedging.refresh()
    assert len(seat.hedging.deals) == 94
    watched(seat)
    seat.kill()
    clock.now += 2 * 86400
    seat.broker.open("sell", "0.01")  # the newest deal, within the last days before and behind
    seat.start(MQL_CLOCK_RATE="20")
    looks(seat, 60)
    with seat.terminal.told.lock:
        clock.now += 2 * 86400  # the first price behind a weekend
        seat.broker.close(copies[46], "0.06")
    until(lambda: [report["remaining_lots"] for report in told(seat)] == ["0.04"])


@pytest.mark.parametrize("platform", ["mt5"])
def test_an_order_that_has_filled_in_part_is_a_position_and_hides_no_other(seat: Seat) -> None:
    order = watched(seat).broker.place("buy limit", "0.10", "1.05", magic=COPY)
    looks(seat)
    assert seat.hedging is not None
    with seat.terminal.told.lock:
        seat.hedging.fill_part(order, "0.06")
        other = seat.broker.open("buy", "0.20", magic=COPY + 1)
    looks(seat)
    with seat.terminal.told.lock:
        seat.broker.close(other, mark="[tp]")
    until(lambda: copies_that_ended(seat) == [(other, "take_profit")])
    with seat.terminal.told.lock:
        seat.hedging.fill_part(order, "0.04")
    looks(seat)
    with seat.terminal.told.lock:
        seat.broker.close(order, mark="[tp]")
    until(lambda: len(told(seat)) == 2)
    assert (told(seat)[-1]["ticket"], told(seat)[-1]["lots"]) == (order, "0.1")


@dataclass(slots=True)
class Doubled(Broker):
    """A terminal that shows each order twice while it is `doubled`."""

    doubled: bool = False

    def trades(self) -> list[str]:
        """As often as it says."""
        return super(Doubled, self).trades() * (2 if self.doubled else 1)


def test_a_list_that_cannot_be_believed_ends_nothing_and_is_told_on_the_chart(
    nowhere: str, tmp_path: Path, platform: str
) -> None:
    broker = Doubled()
    with Seat(nowhere, ACCOUNT, KEY, tmp_path / "one", broker=broker, platform=platform) as seat:
        ticket = next(iter(opening(seat, MQL_CLOCK_RATE="20").broker.book.open))
        with seat.terminal.told.lock:
            broker.doubled = True
            broker.close(ticket)
            other = broker.open("buy", "0.30")
        seat.shows("the terminal's list of orders cannot be read")
        assert intents(seat) == []
        broker.doubled = False
        until(lambda: sorted(intents(seat)) == [("close", ticket), ("open", other)])
