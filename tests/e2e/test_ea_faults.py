"""What goes wrong around the EA, in the order of what it would cost: slow brokers, late lists, full disks, clocks.

Each starts two terminals of its own, so four run always, for what would cost most, and all of them nightly.
"""

import logging
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.build import compiler
from ea.host.sim.broker import Answer, Broker
from tests.e2e.gateway import Gateway
from tests.e2e.test_ea_terminals import intents, journal, last, reports, told
from tests.ea.conftest import WITHOUT
from tests.ea.seats import Seat, until

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]
Pair = tuple[Seat, Seat]


@pytest.fixture(params=["calls", pytest.param("socket", marks=pytest.mark.nightly)])
def way(request: pytest.FixtureRequest) -> str:
    """How the gateway is reached: see Seat."""
    return str(request.param)


@pytest.fixture
def begin(way: str, tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Starts a master and his follower at a gateway, the follower with these words in its environment."""
    seats: list[Seat] = []

    def started(gateway: Gateway, **environment: str) -> Pair:
        cast = gateway.provision({})
        for name, role in zip(cast.names, ("master", "follower"), strict=False):
            seats.append(Seat(gateway.url, name, cast.keys[name], tmp_path / role, way=way))
        master, follower = seats
        follower.start(**environment).live("follower")
        master.start().live("master").terminal.hears("EA Gateway: watching")
        return master, follower

    yield started
    for seat in seats:
        book = seat.broker.book
        log.warning("%s\n%s\n%s\n%s", seat.said()[-3000:], list(book.open.values()), book.history, seat.broker.sent)
        for path in (seat.folder / "EAGateway").glob("*.log"):
            log.warning("%s", path.read_text(encoding="utf-8")[-6000:])  # shown where a test has failed
        seat.__exit__()


def orders(seat: Seat) -> list[str]:
    """What has been ordered at its broker, by name."""
    return [words[0] for words in seat.broker.sent]


def one_copy_and_its_end(master: Seat, follower: Seat, ticket: int) -> None:
    """The position of this ticket has one copy, which ends with it."""
    until(lambda: follower.lots() == [Decimal("0.1")])
    master.broker.close(ticket)
    until(lambda: not follower.open)
    assert [trade.lots for trade in follower.broker.book.history] == [Decimal("0.1")]


@pytest.mark.nightly
def test_a_broker_that_is_slower_than_the_heartbeat_opens_one_position_and_it_is_told(
    quick_gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(quick_gateway)
    follower.broker.lies.latency = 7.0  # the session ends after 3 seconds of silence
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    follower.broker.lies.latency = 0.0
    until(lambda: [report["status"] for report in told(follower)] == ["filled"], 40)
    follower.terminal.hears("EA Gateway: link ended, 4408 heartbeat_timeout", seconds=40)
    follower.shows("unconfirmed 0", seconds=40)
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


@pytest.mark.nightly
def test_an_account_that_is_switched_while_an_order_is_sent_tells_nothing_of_it_under_the_other(
    gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(gateway)
    mine = follower.broker.login
    follower.broker.lies.latency = 1.5
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.broker.sent)
    follower.broker.login = 77
    follower.shows(":77")
    follower.broker.lies.latency = 0.0
    (copy,) = follower.open
    other = next(path for path in (follower.folder / "EAGateway").glob("*.log") if path.stem.endswith("_77"))
    assert str(copy.ticket) not in other.read_text(encoding="utf-8")
    said = len(follower.terminal.said())
    follower.broker.login = mine
    follower.terminal.hears("EA Gateway: LIVE as follower", after=said)
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


class SwitchedWhileAsking(Broker):
    """A terminal that is logged in to another account when its orders are read first with a command in `journal`:
    before an order can be sent, and behind the question who is logged in, whichever look brought the command.
    `logins`: of each order.
    """

    journal: Path | None = None
    switched = False

    @property
    def login(self) -> int:
        """Whoever is logged in now."""
        return 77 if self.switched else self._mine

    @login.setter
    def login(self, number: int) -> None:
        self._mine = number

    def trades(self) -> list[str]:
        """Read by whoever was logged in when he asked."""
        rows = super().trades()
        if self.journal is not None and re.search(rb"^[0-9]{5} R ", self.journal.read_bytes(), re.M):
            self.switched = True
        return rows

    def order(self, words: tuple[str, ...]) -> str:
        """Carried out, under a name."""
        self.logins = [*getattr(self, "logins", []), self.login]
        return super().order(words)


@contextmanager
def _watched(gateway: Gateway, folder: Path, way: str, broker: Broker) -> Iterator[Pair]:
    """A master whose EA watches, and his follower, who trades at this broker."""
    cast = gateway.provision({})
    keys = [(name, cast.keys[name]) for name in cast.names[:2]]
    with (
        Seat(gateway.url, *keys[0], folder / "master", way=way) as master,
        Seat(gateway.url, *keys[1], folder / "follower", way=way, broker=broker) as follower,
    ):
        follower.start().live("follower")
        master.start().live("master").terminal.hears("EA Gateway: watching")
        yield master, follower


@pytest.mark.nightly
def test_an_account_that_is_switched_while_the_gateway_is_asked_gets_no_order_of_the_other(
    gateway: Gateway, tmp_path: Path, way: str
) -> None:
    broker = SwitchedWhileAsking()
    with _watched(gateway, tmp_path, way, broker) as (master, follower):
        (broker.journal,) = (follower.folder / "EAGateway").glob("*.log")
        master.broker.open("buy", "0.10")
        follower.shows(":77")
        follower.shows("WAITING FOR APPROVAL")
        assert broker.sent == []
        broker.journal, broker.switched = None, False
        follower.shows("0 waiting")
        assert 77 not in getattr(broker, "logins", [])


class SwitchedBySending(Broker):
    """A terminal that is logged in to another account, in which there is nothing but money, when an order was sent."""

    mine = theirs = Decimal(0)

    def order(self, words: tuple[str, ...]) -> str:
        """Carried out, before the switch."""
        answer = super().order(words)
        if self.theirs:
            self.mine, self.login, self.book.balance = self.book.balance, 77, self.theirs
        return answer

    def back(self, login: int) -> None:
        """The account is the first one again, and stays."""
        self.login, self.book.balance, self.theirs = login, self.mine, Decimal(0)

    def trades(self) -> list[str]:
        """Those of whoever is logged in."""
        return [] if self.login == 77 else super().trades()

    def history(self) -> list[str]:
        """Those of whoever is logged in."""
        return [] if self.login == 77 else super().history()


def test_an_order_after_which_another_account_is_logged_in_is_told_when_its_own_is_back(
    gateway: Gateway, tmp_path: Path, way: str
) -> None:
    broker = SwitchedBySending()
    with _watched(gateway, tmp_path, way, broker) as (master, follower):
        (written,) = (follower.folder / "EAGateway").glob("*.log")
        mine, broker.theirs = broker.login, Decimal(55_555)
        ticket = master.broker.open("buy", "0.10")
        follower.shows(":77")
        assert [line.split()[1] for line in written.read_text().splitlines()][-1] == "S"  # in doubt, and nothing more
        said = len(follower.terminal.said())
        with follower.terminal.told.lock:
            broker.back(mine)
        follower.terminal.hears("EA Gateway: LIVE as follower", after=said)
        one_copy_and_its_end(master, follower, ticket)
        assert orders(follower) == ["send", "close"]
        assert "55555" not in written.read_text()


def test_a_close_that_comes_before_the_broker_lists_the_order_closes_it_all_the_same(
    gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(gateway)
    follower.broker.lies.late_seconds = 2.0
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.broker.sent)
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


def test_an_order_that_timed_out_and_is_listed_late_is_found_and_not_sent_again(
    gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(gateway)
    follower.broker.lies.late_seconds = 2.0
    follower.broker.answers = [Answer(128, executed=True)]
    ticket = master.broker.open("buy", "0.10")
    until(lambda: [report["status"] for report in told(follower)] == ["unknown", "filled"])
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


@pytest.mark.nightly
def test_while_the_disk_is_full_nothing_is_ordered_and_then_it_is_ordered_once(
    gateway: Gateway, begin: Callable[..., Pair], tmp_path: Path
) -> None:
    full = tmp_path / "full"
    master, follower = begin(gateway, MQL_FULL_FILE=str(full))
    full.touch()
    ticket = master.broker.open("buy", "0.10")
    follower.shows("REFUSED - ")
    assert not follower.broker.sent
    full.unlink()
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


@pytest.mark.nightly
def test_a_busy_terminal_delays_an_open_and_sends_it_once(gateway: Gateway, begin: Callable[..., Pair]) -> None:
    master, follower = begin(gateway)
    follower.broker.busy = True
    ticket = master.broker.open("buy", "0.10")
    follower.shows("0 open, 1 waiting")
    assert not follower.broker.sent
    follower.broker.answers = [Answer(146)]
    follower.broker.busy = False
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "send", "close"]
    until(lambda: [report["status"] for report in told(follower)] == ["filled", "closed"])


@pytest.mark.nightly
def test_a_computer_that_slept_tells_the_trades_of_that_time_with_their_age(
    gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(gateway)
    process = master.terminal._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    with master.terminal.told.lock:
        late = master.broker.open("buy", "0.10")
        master.broker.notes[late].opened -= 100
    time.sleep(4)  # the sleep itself
    process.send_signal(signal.SIGCONT)
    until(lambda: len(intents(master)) == 1)
    (intent,) = intents(master)
    assert intent["ticket"] == late
    line = next(line for line in journal(master).splitlines() if f'"ticket":{late}' in line)
    written = int(line.split("\t")[0].split()[2])
    assert written - intent["at"] >= 4000  # it was as old as the sleep when it was found, and is told so
    assert not follower.broker.sent or follower.lots() == [Decimal("0.1")]


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.nightly
def test_a_broker_whose_clock_is_set_hides_no_trade_and_makes_none_old(
    gateway: Gateway, begin: Callable[..., Pair], hours: int
) -> None:
    master, follower = begin(gateway)
    for seat in (master, follower):
        seat.broker.clock = lambda: time.time() + 3600 * hours
        seat.terminal.tick()
    ticket = master.broker.open("buy", "0.10")
    one_copy_and_its_end(master, follower, ticket)
    assert orders(follower) == ["send", "close"]


def test_a_stop_out_is_told_with_its_cause_and_nothing_is_opened_again(
    gateway: Gateway, begin: Callable[..., Pair]
) -> None:
    master, follower = begin(gateway)
    ticket = master.broker.open("buy", "0.10")
    until(lambda: last(follower).get("status") == "filled")
    with follower.terminal.told.lock:
        follower.broker.close(follower.open[0].ticket, mark="so: 49.9%/12/24")
    until(lambda: last(follower).get("cause") == "stop_out")
    assert last(follower)["profit"] == "-1"
    master.broker.close(ticket)
    until(lambda: reports(follower)[-1].get("cause") == "stop_out")
    assert orders(follower) == ["send"]


class StopsOutAtOnce(Broker):
    """Ends each position before its program can look at the book."""

    def order(self, words: tuple[str, ...]) -> str:
        """Carried out, and stopped out under the same lock."""
        answer = super().order(words)
        self.close(int(answer.removeprefix("ok\t")), mark="so: 49.9%/12/24")
        return answer


def test_a_copy_that_ends_before_the_book_was_ever_looked_at_is_told(
    gateway: Gateway, tmp_path: Path, way: str
) -> None:
    cast = gateway.provision({})
    keys = [(name, cast.keys[name]) for name in cast.names[:2]]
    with (
        Seat(gateway.url, *keys[0], tmp_path / "master", way=way) as master,
        Seat(gateway.url, *keys[1], tmp_path / "follower", way=way, broker=StopsOutAtOnce()) as follower,
    ):
        follower.broker.book.balance = Decimal(0)  # an empty list of an account without money is not believed yet
        follower.start().live("follower")
        master.start().live("master").terminal.hears("EA Gateway: watching")
        master.broker.open("buy", "0.10")
        until(lambda: follower.broker.sent or any("1 waiting" in line for line in follower.chart()))
        follower.broker.book.balance = Decimal(10_000)
        until(lambda: [report.get("cause") for report in told(follower)] == [None, "stop_out"])
        until(lambda: reports(follower) and reports(follower)[-1].get("cause") == "stop_out")
        assert orders(follower) == ["send"]


@pytest.mark.nightly
def test_a_pending_copy_that_expires_is_told_so(gateway: Gateway, begin: Callable[..., Pair]) -> None:
    master, follower = begin(gateway)
    master.broker.place("buy limit", "0.10", "1.08")
    until(lambda: last(follower).get("status") == "placed")
    with follower.terminal.told.lock:
        follower.broker.delete(follower.working[0].ticket, mark="[expiration]")
    until(lambda: last(follower).get("status") == "expired")
    assert last(follower)["cause"] == "expiry"
    assert orders(follower) == ["send"]


@pytest.mark.nightly
def test_where_the_history_shows_a_short_time_no_end_is_made_up(gateway: Gateway, begin: Callable[..., Pair]) -> None:
    master, follower = begin(gateway)
    first = master.broker.open("buy", "0.10")
    until(lambda: last(follower).get("status") == "filled")
    follower.broker.lies.history_days = 0.0
    with follower.terminal.told.lock:
        follower.broker.close(follower.open[0].ticket)
        follower.broker.notes[follower.broker.book.history[0].ticket].closed -= 100
    second = master.broker.open("buy", "0.20")
    until(lambda: follower.lots() == [Decimal("0.2")])
    time.sleep(6)  # longer than what is gone is looked for
    assert [report["status"] for report in told(follower)] == ["filled", "filled"]  # no close with money nobody knows
    master.broker.close(first)
    master.broker.close(second)
    until(lambda: not follower.open)
