"""The EA's programs against a real gateway: what a master does in his terminal is done in the follower's."""

import contextlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.build import compiler
from ea.host.sim.broker import Answer
from tests.e2e.gateway import Gateway
from tests.ea.conftest import WITHOUT
from tests.ea.seats import Seat, until

pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]


@pytest.fixture(scope="module")
def seats(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seat, Seat]]:
    """A master and a follower whose EAs run through all tests of this module."""
    cast, folder = gateway.provision({}), tmp_path_factory.mktemp("terminals")
    with (
        Seat(gateway.url, cast.names[0], cast.keys[cast.names[0]], folder / "master") as master,
        Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], folder / "follower") as follower,
    ):
        follower.start()
        master.start()
        follower.live("follower")
        master.live("master").terminal.hears("EA Gateway: watching")
        yield master, follower


@pytest.fixture
def master(seats: tuple[Seat, Seat]) -> Iterator[Seat]:
    with told_when_failing(*seats):
        yield seats[0]
    close_all(*seats)


@pytest.fixture
def follower(seats: tuple[Seat, Seat]) -> Seat:
    return seats[1]


@contextlib.contextmanager
def told_when_failing(*seats: Seat) -> Iterator[None]:
    yield
    for seat in seats:
        print(seat.account, seat.said(), sep="\n")


def close_all(master: Seat, follower: Seat) -> None:
    """The master closes what is left, and so does the follower's EA."""
    with master.terminal.told.lock:
        for ticket in list(master.broker.book.open):
            master.broker.close(ticket)
        for ticket in list(master.broker.book.working):
            master.broker.delete(ticket)
    until(lambda: not follower.open and not follower.working)


def test_a_position_is_opened_changed_closed_in_part_and_closed(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.20", sl="1.09", comment="hello")
    until(lambda: follower.lots() == [Decimal("0.2")])
    copy = follower.open[0]
    assert (copy.symbol, copy.side, copy.sl, copy.tp) == ("EURUSD", "buy", Decimal("1.09"), 0)
    assert copy.magic is not None
    assert copy.magic >> 24 == 0x5A
    master.broker.book.modify(ticket, sl=Decimal("1.095"), tp=Decimal("1.2"), price=None)
    until(lambda: (follower.open[0].sl, follower.open[0].tp) == (Decimal("1.095"), Decimal("1.2")))
    rest = master.broker.close(ticket, "0.05")
    until(lambda: follower.lots() == [Decimal("0.15")])
    assert rest is not None
    master.broker.close(rest)
    until(lambda: not follower.open)
    closed = [(trade.lots, trade.side) for trade in follower.broker.book.history]
    assert closed == [(Decimal("0.05"), "buy"), (Decimal("0.15"), "buy")]


def test_a_pending_order_is_placed_moved_and_deleted(master: Seat, follower: Seat) -> None:
    ticket = master.broker.place("buy limit", "0.10", "1.08")
    until(lambda: [order.price for order in follower.working] == [Decimal("1.08")])
    master.broker.book.modify(ticket, sl=Decimal(0), tp=Decimal(0), price=Decimal("1.085"))
    until(lambda: follower.working[0].price == Decimal("1.085"))
    master.broker.delete(ticket)
    until(lambda: not follower.working)
    assert not follower.open


def test_an_order_that_timed_out_and_fills_late_is_one_position(master: Seat, follower: Seat) -> None:
    follower.broker.answers = [Answer(128, executed=True, after=1.5)]
    before = len(follower.broker.sent)
    ticket = master.broker.open("sell", "0.30")
    until(lambda: follower.lots() == [Decimal("0.3")])
    master.broker.close(ticket)
    until(lambda: not follower.open)
    assert [words[0] for words in follower.broker.sent[before:]] == ["send", "close"]


def test_a_requote_is_tried_again_and_a_refusal_is_not(master: Seat, follower: Seat) -> None:
    follower.broker.answers = [Answer(138), Answer(138)]
    before = len(follower.broker.sent)
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.lots() == [Decimal("0.1")])
    assert len(follower.broker.sent) == before + 3
    master.broker.close(ticket)
    until(lambda: not follower.open)
    follower.broker.answers = [Answer(134)]
    master.broker.open("buy", "0.10")
    until(lambda: not follower.broker.answers)
    second = master.broker.open("buy", "0.20")
    until(lambda: follower.lots() == [Decimal("0.2")])
    master.broker.close(second)


def test_a_copy_that_its_stop_loss_closed_is_not_closed_again(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.10", sl="1.09")
    until(lambda: len(follower.open) == 1)
    sent = len(follower.broker.sent)
    with follower.terminal.told.lock:
        follower.broker.close(follower.open[0].ticket, mark="[sl]")
    master.broker.close(ticket)
    second = master.broker.open("buy", "0.20")
    until(lambda: follower.lots() == [Decimal("0.2")])
    assert [words[0] for words in follower.broker.sent[sent:]] == ["send"]
    master.broker.close(second)


@pytest.mark.parametrize("who", [0, 1])
def test_a_terminal_that_dies_while_it_writes_loses_and_doubles_nothing(
    who: int, seats: tuple[Seat, Seat], master: Seat, follower: Seat, tmp_path: Path
) -> None:
    dying, sentence = seats[who], tmp_path / "die"
    role = ("master", "follower")[who]
    dying.kill()
    for number, after in enumerate((0, 60, 300) if who == 0 else (0, 200, 390, 430, 640, 860), 1):
        dying.start(MQL_DIE_FILE=str(sentence)).live(role)
        sentence.write_text(str(after))
        master.broker.open("buy", f"0.{10 + number}")
        dying.terminal.wait()
        dying.start().live(role)
        wanted = [Decimal(f"0.{10 + one}") for one in range(1, number + 1)]
        until(lambda: sorted(follower.lots()) == wanted)  # noqa: B023
        dying.kill()
    dying.start().live(role)
