"""What the EA writes down of its terminal's book, while no gateway is there: frames that wait in its journal."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from eagateway_sdk.paper import Book

from ea.host.sim.broker import EURUSD, Broker
from tests.ea.seats import ACCOUNT, KEY, MASTER_ONLY, Clock, Seat, until

pytestmark = pytest.mark.compiles
COPY: Final = 0x5A000000 + 17


def watched(seat: Seat, **environment: str) -> Seat:
    """Its program, once it has taken the account as it is. Its clocks run faster: an empty list is doubted for 3 s."""
    seat.start(MQL_CLOCK_RATE="20", **environment).terminal.hears("EA Gateway: watching")
    return seat


def looks(seat: Seat, seconds: float = 20.0) -> None:
    """Return when its program has looked at all that there is now, from beginning to end."""
    before = seat.terminal.told.looks
    until(lambda: seat.terminal.told.looks >= before + 6, seconds)


def told(seat: Seat, kind: str = "ExecutionReport", *, account: str = "Paper-Demo_5012345") -> list[dict[str, Any]]:
    """The frames of a kind that stand in its journal, each with `at`, when it happened by the program's own clock, and
    `age`, what it told of that when it wrote it down.
    """
    found = []
    text = (seat.folder / "EAGateway" / f"{account}.log").read_text(encoding="utf-8")
    for line in text.split("\n")[:-1]:  # what has no end yet is no record
        head, *parts = line[:-9].split("\t")
        for part in parts:
            words = part[1:].split(" ", 4)
            if part.startswith("F") and words[1] == kind:
                written = int(head.split(" ")[-1])
                found.append({**json.loads(words[4]), "at": int(words[2]), "age": written - int(words[2])})
    return found


def copies_that_ended(seat: Seat) -> list[tuple[int, str]]:
    """What is told of copies that nobody ordered to be closed."""
    return [(report["ticket"], report["cause"]) for report in told(seat) if report["status"] == "closed"]


def late(seat: Seat) -> tuple[int, int]:
    """A copy that is not listed for some seconds, and a position with a higher ticket, which is. Their tickets."""
    with seat.terminal.told.lock:
        seat.broker.lies.late_seconds = 5.0
        copy = seat.broker.open("buy", "0.10", magic=COPY)
        hand = seat.broker.open("buy", "0.20")
        seat.broker.notes[hand].opened -= 5.0
    looks(seat)
    assert hand > copy
    return copy, hand


def test_a_copy_that_is_listed_late_and_ends_unseen_is_told_though_a_later_ticket_is_known(
    seat: Seat, clock: Clock
) -> None:
    copy, _ = late(watched(seat))
    with seat.terminal.told.lock:
        clock.now += 1
        seat.broker.close(copy, mark="so: 49.9%/12/24")
    until(lambda: copies_that_ended(seat) == [(copy, "stop_out")])
    looks(seat)
    assert len(told(seat)) == 1


def test_what_ended_unseen_below_a_known_ticket_is_told_once_by_the_program_that_comes_back(
    seat: Seat, clock: Clock
) -> None:
    copy, hand = late(watched(seat))
    seat.kill()
    clock.now += 60
    seat.broker.close(copy, mark="[sl]")
    seat.broker.close(hand)
    for _ in range(2):
        seat.start(MQL_CLOCK_RATE="20")
        looks(seat)
        until(lambda: copies_that_ended(seat) == [(copy, "stop_loss")])
        looks(seat)
        assert len(told(seat)) == 1
        seat.kill()


def test_old_trades_that_come_to_light_are_no_news_to_a_program_that_begins_anew(seat: Seat, clock: Clock) -> None:
    old = seat.broker.open("buy", "0.10", magic=COPY)
    seat.broker.close(old, mark="[sl]")
    clock.now += 5 * 86400
    seat.broker.open("buy", "0.20")
    seat.broker.lies.history_days = 1.0
    watched(seat)
    looks(seat)
    seat.broker.lies.history_days = None  # somebody chooses All History
    looks(seat)
    assert told(seat) == []


def test_a_master_tells_what_is_listed_late_as_old_as_it_is(seat: Seat, clock: Clock) -> None:
    seat.inputs = {"Role": MASTER_ONLY}
    copy, _ = late(watched(seat))
    until(lambda: len(told(seat, "OrderIntent")) == 1)
    for _ in range(4):  # the broker's clock goes as prices come
        clock.now += 10
        looks(seat)
    until(lambda: len(told(seat, "OrderIntent")) == 2)
    intent = told(seat, "OrderIntent")[-1]
    assert intent["ticket"] == copy
    assert intent["age"] >= 10_000


def test_money_that_came_before_a_trade_which_the_same_look_finds_is_told(seat: Seat) -> None:
    watched(seat)
    with seat.terminal.told.lock:
        money = seat.broker.book_amount("500")
        trade = seat.broker.open("buy", "0.20")
    until(lambda: [report["cause"] for report in told(seat)] == ["deposit_withdrawal"])
    looks(seat)
    assert len(told(seat)) == 1
    assert trade > money


def opening(seat: Seat, **environment: str) -> Seat:
    """A master's program that has seen one open position, which is believed at once."""
    seat.inputs = {"Role": MASTER_ONLY}
    seat.broker.open("buy", "0.20", sl="1.09")
    seat.start(**environment).terminal.hears("EA Gateway: watching")
    return seat


def passes_for(seat: Seat, milliseconds: int) -> None:
    """Return when so much has gone by on its program's clock: it says how long it waits for the gateway each time."""
    before = len(seat.terminal.said())

    def waited() -> int:
        words = [line.removeprefix("EA Gateway: next try in ") for line in seat.terminal.said()[before:]]
        pauses = [int(word.removesuffix(" ms")) for word in words if word.endswith(" ms")]
        return sum(pauses[:-1])  # the last one is not over

    until(lambda: waited() >= milliseconds, 60)


def intents(seat: Seat, account: str = "Paper-Demo_5012345") -> list[tuple[str, int]]:
    """What a master's program has told: what, of which position."""
    return [(intent["action"], intent["position_id"]) for intent in told(seat, "OrderIntent", account=account)]


def test_a_weekend_ends_nothing_and_the_gap_behind_it_is_told_once_with_its_price(seat: Seat, clock: Clock) -> None:
    broker = opening(seat, MQL_CLOCK_RATE="50").broker
    (ticket,) = broker.book.open
    pending = broker.place("buy limit", "0.10", "1.05", expiry=int(clock.now) + 5 * 86400)
    until(lambda: intents(seat) == [("place", pending)])
    with seat.terminal.told.lock:
        friday, broker.quotes = broker.quotes, {}  # no price is zero
    looks(seat)
    broker.connected = False  # the maintenance of the weekend, with empty lists
    passes_for(seat, 60_000)
    assert intents(seat) == [("place", pending)]
    with seat.terminal.told.lock:
        broker.quotes, broker.connected = friday, True
        clock.now += 2 * 86400
        broker.quotes["EURUSD"].bid = Decimal("1.08500")
        broker.close(ticket, mark="[sl]")
    until(lambda: len(intents(seat)) == 2)
    looks(seat)
    assert intents(seat) == [("place", pending), ("close", ticket)]
    gap = told(seat, "OrderIntent")[-1]
    assert (gap["close_reason"], gap["price"]) == ("stop_loss", "1.085")


def prices_come(seat: Seat, ahead: list[int]) -> None:
    """Two of them, a second apart, each seen by the program."""
    for _ in range(2):
        ahead[0] += 1
        looks(seat)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_change_to_summer_time_changes_no_order_and_no_expiry(seat: Seat, hours: int) -> None:
    zone = [2 * 3600]
    seat.broker.clock = lambda: time.time() + zone[0]
    broker = opening(seat).broker
    prices_come(seat, zone)
    moment = int(time.time()) + 86400
    first = broker.place("buy limit", "0.10", "1.05", expiry=moment + zone[0])
    until(lambda: len(intents(seat)) == 1)
    zone[0] += 3600 * hours
    prices_come(seat, zone)
    second = broker.place("buy limit", "0.20", "1.06", expiry=moment + zone[0])
    until(lambda: len(intents(seat)) == 2)
    looks(seat)
    assert intents(seat) == [("place", first), ("place", second)]
    told_of = [datetime.fromisoformat(intent["expiry"]).timestamp() for intent in told(seat, "OrderIntent")]
    assert [abs(expiry - moment) < 60 for expiry in told_of] == [True, True]
    assert told(seat, "OrderIntent")[-1]["age"] < 3_600_000


def test_a_terminal_that_starts_at_a_weekend_takes_the_last_price_for_no_time_zone(seat: Seat) -> None:
    now = [time.time() + 7200 - 15 * 3600]
    seat.broker.clock = lambda: now[0]
    opening(seat).kill()
    moment = time.time() + 2 * 86400
    pending = seat.broker.place("buy limit", "0.10", "1.05", expiry=int(moment + 7200))
    seat.start()
    looks(seat)
    now[0] += 3 * 3600  # the server's last word of Friday
    until(lambda: intents(seat) == [("place", pending)])
    assert "expiry" not in told(seat, "OrderIntent")[0]


def test_a_flood_of_the_timer_makes_no_more_calls_and_tells_nothing_twice(seat: Seat) -> None:
    broker = opening(seat).broker
    before = seat.terminal.told.looks
    with seat.terminal.told.lock:
        ticket = broker.open("sell", "0.30")
        seat.terminal.flood(500)
    until(lambda: seat.terminal.told.looks >= before + 500)
    looks(seat)
    assert intents(seat) == [("open", ticket)]
    assert seat.said().count("EA Gateway: no session") < 20


def test_a_disk_that_fills_inside_a_record_keeps_none_of_it_and_the_next_start_tells_it_once(seat: Seat) -> None:
    opening(seat).kill()
    first = seat.broker.open("sell", "0.30")
    seat.start(MQL_DISK_BYTES="150", MQL_CLOCK_RATE="20").shows("REFUSED - The disk is full")
    second = seat.broker.open("buy", "0.40")
    assert intents(seat) == []
    seat.kill()
    seat.start(MQL_CLOCK_RATE="20")  # the age of what is found at a start is waited for
    until(lambda: len(intents(seat)) == 2)
    looks(seat)
    assert sorted(intents(seat)) == [("open", first), ("open", second)]
    assert not list((seat.folder / "EAGateway").glob("*.bad"))


def test_while_the_disk_is_full_nothing_is_told_and_then_all_of_it_once(seat: Seat, tmp_path: Path) -> None:
    full = tmp_path / "full"
    seat.inputs = {"Role": MASTER_ONLY}
    kept = seat.broker.open("buy", "0.20")
    seat.start(MQL_FULL_FILE=str(full), MQL_CLOCK_RATE="20").terminal.hears("EA Gateway: watching")
    full.touch()
    one = seat.broker.open("sell", "0.30")
    seat.shows("REFUSED - The disk is full")
    with seat.terminal.told.lock:
        two = seat.broker.open("sell", "0.40")
        seat.broker.close(kept)
    full.unlink()
    until(lambda: len(intents(seat)) == 3)
    looks(seat)
    assert sorted(intents(seat)) == sorted([("open", one), ("open", two), ("close", kept)])


@dataclass(slots=True)
class Switched(Broker):
    """A terminal in which another account is logged in as soon as `armed`, between two questions of one look. `other`:
    that account's.
    """

    other: Book = field(default_factory=lambda: Book({"EURUSD": EURUSD}, balance=Decimal(500), next_ticket=5000))
    armed: bool = False

    def switch(self, login: int) -> None:
        """The other login, and its book."""
        self.login = login
        self.book, self.other = self.other, self.book

    def trades(self) -> list[str]:
        """The lists of whoever is logged in."""
        if self.armed:
            self.armed = False
            self.switch(77)
        return super(Switched, self).trades()


OTHER: Final = "Paper-Demo_77"


@pytest.fixture
def switched(nowhere: str, tmp_path: Path) -> Iterator[tuple[Seat, Switched]]:
    """A master's terminal with two accounts, each with a position; the program serves the first."""
    broker = Switched()
    broker.book.next_ticket = 100
    with Seat(nowhere, ACCOUNT, KEY, tmp_path / "one", broker=broker) as one:
        broker.switch(77)
        broker.open("sell", "0.50")
        broker.switch(5012345)
        yield opening(one), broker


def test_a_terminal_that_is_switched_to_another_account_tells_of_each_what_is_its_own(
    switched: tuple[Seat, Switched],
) -> None:
    seat, broker = switched
    (mine,) = broker.book.open
    broker.armed = True
    seat.shows(":77")
    until(lambda: seat.said().count("EA Gateway: watching") == 2)
    with seat.terminal.told.lock:
        theirs = broker.open("buy", "0.60")
    until(lambda: intents(seat, OTHER) == [("open", theirs)])
    with seat.terminal.told.lock:
        broker.switch(5012345)
        late = broker.open("buy", "0.70")
        broker.close(mine)
        broker.notes[late].opened -= 60
    until(lambda: len(intents(seat)) == 2)
    looks(seat)
    assert intents(seat) == [("close", mine), ("open", late)]
    assert intents(seat, OTHER) == [("open", theirs)]
    assert told(seat, "OrderIntent")[-1]["age"] >= 59_000
