"""A program in the simulated MetaTrader 5 sees positions that keep their number, orders, and deals."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.sim.broker import Answer, Broker
from ea.host.sim.hedging import RETCODES, Hedging
from ea.host.sim.terminal import Terminal
from tests.ea.probes import built
from tests.ea.seats import NOON, Clock
from tests.ea.test_simulator import do

pytestmark = pytest.mark.compiles
FIRST = 1_000_001


@pytest.fixture
def account() -> Hedging:
    return Hedging(Broker(clock=Clock(), sleep=lambda _: None))


@pytest.fixture
def terminal(account: Hedging, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(account.broker, tmp_path, account) as running:
        running.start(built("TradeProbe5"), inputs={"Lots": "0.20"})
        assert running.hears("started") == "started Paper-Demo:5012345 hedging true"
        yield running


def show(terminal: Terminal) -> tuple[str, str]:
    """What it sees of the book and the history."""
    before = len(terminal.said())
    terminal.click("show")
    return terminal.hears("book", after=before), terminal.hears("history", after=before)


def test_a_position_keeps_its_number_when_a_part_of_it_is_closed(terminal: Terminal) -> None:
    assert do(terminal, "buy,hello") == "buy true 10009 order true deal true"
    assert terminal.hears("transaction") == f"transaction of {FIRST}"
    assert show(terminal) == (f"book {FIRST}={FIRST}/0/0.20/hello/77", f"history {FIRST}/0/0/0.20/0.00/hello/3")
    assert do(terminal, f"close,{FIRST},0.05") == "close true 10009 order true deal true"
    assert do(terminal, f"close,{FIRST},0.10") == "close true 10009 order true deal true"
    book, history = show(terminal)
    assert book == f"book {FIRST}={FIRST}/0/0.05/hello/77"
    opened, parts = f"{FIRST}/0/0/0.20/0.00/hello/3", f"{FIRST}/1/1/0.05/-0.50//0 {FIRST}/1/1/0.10/-1.00//0"
    assert history == f"history {opened} {parts}"
    assert do(terminal, f"close,{FIRST},0.10") == "close false 10014 order false deal false"
    assert do(terminal, f"close,{FIRST},0.05") == "close true 10009 order true deal true"
    assert show(terminal)[0] == "book"
    assert terminal.broker.book.balance == Decimal("9998.00")


def test_a_pending_order_is_no_position_until_it_fills_under_its_own_number(terminal: Terminal) -> None:
    assert do(terminal, "limit,later") == "limit true 10009 order true deal false"
    assert show(terminal) == (f"book order {FIRST}/2/0.20", "history")
    terminal.broker.activate(FIRST)
    assert show(terminal)[0] == f"book {FIRST}={FIRST}/0/0.20/later/77"
    assert do(terminal, "limit,more") == "limit true 10009 order true deal false"
    assert do(terminal, f"delete,{FIRST + 1}") == "delete true 10009 order false deal false"
    assert show(terminal)[1] == f"history {FIRST}/0/0/0.20/0.00/later/3 order {FIRST + 1}/2"
    expiring = terminal.broker.place("buy limit", "0.10", "1.05")
    terminal.broker.delete(expiring, mark="expiration")
    assert show(terminal)[1].endswith(f" order {expiring}/6")


def test_a_hand_and_the_market_leave_deals_with_a_reason(terminal: Terminal, account: Hedging) -> None:
    broker = account.broker
    first, second, third = (broker.open("buy", "0.30"), broker.open("sell", "0.10"), broker.open("buy", "0.10"))
    broker.close(third, mark="[sl]")
    broker.close_by(second, first)
    deposit = broker.book_amount("250.00")
    history = show(terminal)[1]
    assert f"{third}/1/1/0.10/-1.00/[sl]/4" in history
    assert f"{second}/0/3/0.10/-1.00/close hedge by #{first}/0" in history
    assert f"{first}/1/3/0.10/-1.00/close hedge by #{second}/0" in history
    assert "0/2/0/0.00/250.00/Deposit/0" in history
    assert account.deals[-1].ticket == deposit
    assert show(terminal)[0] == f"book {first}={first}/0/0.20//0"


def test_a_rest_that_was_closed_before_anybody_looked_belongs_to_its_position(terminal: Terminal) -> None:
    ticket = terminal.broker.open("buy", "0.30")
    with terminal.told.lock:
        rest = terminal.broker.close(ticket, "0.10")
        assert rest is not None
        terminal.broker.close(rest)
    words = [deal.split("/")[:4] for deal in show(terminal)[1].split()[1:]]
    assert words == [[str(ticket), "0", "0", "0.30"], [str(ticket), "1", "1", "0.10"], [str(ticket), "1", "1", "0.20"]]


@pytest.mark.parametrize("code", [4, 6, 128, 129, 132, 134, 136, 138, 141, 146])
def test_a_refusal_comes_as_a_return_code_of_metatrader_5(code: int, terminal: Terminal, account: Hedging) -> None:
    account.broker.answers = [Answer(code)]
    assert do(terminal, "buy,one") == f"buy false {RETCODES[code]} order false deal false"
    assert not account.broker.book.open


def test_a_way_of_filling_that_the_symbol_does_not_have_is_refused(terminal: Terminal, account: Hedging) -> None:
    assert do(terminal, "fok,one") == "fok false 10030 order false deal false"
    account.filling = 1
    assert do(terminal, "fok,one") == "fok true 10009 order true deal true"
    assert do(terminal, f"add,{FIRST},0.10") == "add false 10030 order false deal false"


def test_positions_that_the_broker_opened_anew_are_requested_by_ticket_and_known_by_identifier(
    terminal: Terminal, account: Hedging
) -> None:
    do(terminal, "buy,one")
    account.renumbered = True
    assert show(terminal)[0] == f"book {FIRST + 5_000_000}={FIRST}/0/0.20/one/77"
    assert do(terminal, f"stops,{FIRST},1.09") == "stops false 10036 order false deal false"
    assert do(terminal, f"stops,{FIRST + 5_000_000},1.09") == "stops true 10009 order false deal false"
    assert account.broker.book.open[FIRST].sl == Decimal("1.09")


def test_lists_are_late_and_empty_as_those_of_metatrader_4_are(terminal: Terminal, account: Hedging) -> None:
    account.broker.lies.late_seconds = 2.0
    do(terminal, "buy,one")
    assert show(terminal) == ("book", "history")
    account.broker.clock.now += 3  # type: ignore[attr-defined]
    assert show(terminal)[0] == f"book {FIRST}={FIRST}/0/0.20/one/77"
    account.broker.lies.empty_until = NOON + 60
    assert show(terminal) == ("book", "history")
