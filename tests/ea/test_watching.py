"""What the EA writes down of its terminal's book, while no gateway is there: frames that wait in its journal."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ea.seats import PLATFORMS, Seat, until

pytestmark = pytest.mark.compiles
KEY: Final = "gD_fXa8ZGz9mTPZrtHlyfRUU3u7IoIRC5Cp-VcX2Dvw"
COPY: Final = 0x5A000000 + 17
MASTER_ONLY: Final = 1
FOLLOWER_ONLY: Final = 2
NOON: Final = 1_700_000_000.0


@dataclass(slots=True)
class Clock:
    """The broker's. It goes on when a test says so."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=PLATFORMS)
def seat(nowhere: str, tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Seat]:
    """A follower's terminal whose program has seen an empty account."""
    with Seat(nowhere, "Paper-Demo:5012345", KEY, tmp_path / "one", platform=request.param) as one:
        one.broker.clock = clock
        one.inputs = {"Role": FOLLOWER_ONLY}
        one.broker.book.next_ticket = 100
        yield one


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
    for line in (seat.folder / "EAGateway" / f"{account}.log").read_text(encoding="utf-8").splitlines():
        head, *parts = line[:-9].split("\t")
        for part in parts:
            words = part[1:].split(" ", 4)
            if part.startswith("F") and words[1] == kind:
                written = int(head.split(" ")[2])
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
