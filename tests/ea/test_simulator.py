"""A program in the simulated terminal sees what a real one would, and is lied to as by a real broker."""

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.sim.broker import Answer, Broker
from ea.host.sim.terminal import Terminal, Told
from tests.ea.probes import built
from tests.ea.seats import NOON, Clock, until

pytestmark = pytest.mark.compiles


@pytest.fixture
def broker() -> Broker:
    return Broker(clock=Clock(), sleep=lambda _: None)


@pytest.fixture
def terminal(broker: Broker, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(broker, tmp_path) as running:
        running.start(built("TradeProbe"), inputs={"Lots": "0.20"})
        assert running.hears("started") == "started Paper-Demo:5012345 build 1420"
        yield running


def test_a_pass_counts_when_it_is_over_and_has_read_its_list_to_the_end(broker: Broker) -> None:
    told = Told(broker)
    counted = []
    for question in ("orders", "poll\t0", "orders", "orders", "history", "poll\t0", "poll\t0", "orders", "orders"):
        told.answer(question)
        counted.append(told.passes)
    assert counted == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def do(terminal: Terminal, order: str) -> str:
    """What the program says when its button is clicked."""
    before = len(terminal.said())
    terminal.click(order)
    return terminal.hears(order.split(",", 1)[0], after=before)


def show(terminal: Terminal) -> tuple[str, str]:
    """What it sees of trades and history."""
    before = len(terminal.said())
    terminal.click("show")
    return terminal.hears("trades", after=before), terminal.hears("history", after=before)


def test_an_order_is_in_the_book_and_a_part_of_it_goes_on_under_a_new_ticket(terminal: Terminal) -> None:
    assert do(terminal, "buy,hello") == "buy 1000001 error 0"
    assert show(terminal) == ("trades 1000001/0/0.20/hello", "history")
    assert do(terminal, "close,1000001,0.05") == "close 0 error 0"
    assert show(terminal) == ("trades 1000002/0/0.15/from #1000001", "history 1000001/0/0.05/to #1000002")
    assert terminal.broker.book.balance == Decimal("9999.50")
    assert do(terminal, "limit,later") == "limit 1000003 error 0"
    assert "1000003/2/0.20/later" in show(terminal)[0]


def test_events_come_in_turn_and_the_last_one_tells_the_reason(terminal: Terminal) -> None:
    terminal.tick()
    assert terminal.hears("tick") == "tick 1.10000"
    terminal.remove(9)
    assert terminal.hears("deinit").startswith("deinit 9 9")
    assert terminal.wait() == 0


def test_a_computer_that_slept_while_the_program_waited_for_an_event_wakes_it_unharmed(terminal: Terminal) -> None:
    terminal.tick()
    terminal.hears("tick")
    assert terminal._process is not None
    number = terminal._process.pid
    until(lambda: "State:\tS" in Path(f"/proc/{number}/status").read_text())  # it waits for the next event
    os.kill(number, signal.SIGSTOP)
    os.waitpid(number, os.WUNTRACED)
    os.kill(number, signal.SIGCONT)
    assert do(terminal, "buy,hello") == "buy 1000001 error 0"


def test_an_order_that_timed_out_may_have_been_executed_and_a_naive_program_opens_twice(
    terminal: Terminal, broker: Broker
) -> None:
    broker.answers = [Answer(128, executed=True), Answer(0)]
    assert do(terminal, "buy,one") == "buy -1 error 128"
    assert do(terminal, "buy,one") == "buy 1000002 error 0"
    assert len(broker.book.open) == 2


def test_an_order_that_timed_out_may_be_executed_seconds_later(terminal: Terminal, broker: Broker) -> None:
    broker.answers = [Answer(128, executed=True, after=2.0)]
    assert do(terminal, "buy,one") == "buy -1 error 128"
    assert show(terminal)[0] == "trades"
    broker.clock.now += 2.5  # type: ignore[attr-defined]
    assert show(terminal)[0] == "trades 1000001/0/0.20/one"


@pytest.mark.parametrize("code", [4, 129, 132, 134, 136, 138, 141, 146])
def test_a_refusal_executes_nothing(code: int, terminal: Terminal, broker: Broker) -> None:
    broker.answers = [Answer(code)]
    assert do(terminal, "buy,one") == f"buy -1 error {code}"
    assert not broker.book.open


def test_a_broker_shows_orders_late_backwards_and_with_comments_that_say_nothing(
    terminal: Terminal, broker: Broker
) -> None:
    broker.lies.late_seconds, broker.lies.comment_length = 2.0, 4
    do(terminal, "buy,a long comment")
    assert show(terminal)[0] == "trades"
    broker.clock.now += 3  # type: ignore[attr-defined]
    do(terminal, "buy,b")
    broker.lies.late_seconds, broker.lies.backwards, broker.lies.erased = 0.0, True, True
    assert show(terminal)[0] == "trades 1000002/0/0.20/b 1000001/0/0.20/a lo"
    do(terminal, "close,1000002,0.05")
    assert "1000003/0/0.15/ " in show(terminal)[0] + " "


def test_lists_are_empty_just_after_a_connection_and_history_ends_where_a_person_set_it(
    terminal: Terminal, broker: Broker
) -> None:
    do(terminal, "buy,a")
    do(terminal, "close,1000001,0.20")
    do(terminal, "buy,b")
    broker.lies.empty_until = NOON + 5
    assert show(terminal) == ("trades", "history")
    broker.clock.now = NOON + 90_000  # type: ignore[attr-defined]
    assert show(terminal)[1] == "history 1000001/0/0.20/a"
    broker.lies.history_days = 1.0
    assert show(terminal)[1] == "history"


def test_what_the_book_would_not_take_is_refused_with_the_terminals_codes(terminal: Terminal, broker: Broker) -> None:
    assert do(terminal, "close,77,0.10") == "close -1 error 4108"
    do(terminal, "buy,a")
    assert do(terminal, "close,1000001,0.30") == "close -1 error 131"
    assert do(terminal, "stops,1000001,1.09") == "stops 0 error 0"
    assert do(terminal, "stops,1000001,1.09") == "stops -1 error 1"
    broker.connected = False
    assert do(terminal, "buy,b") == "buy -1 error 6"


def test_a_position_closed_by_another_leaves_its_rest_to_the_larger_one(terminal: Terminal, broker: Broker) -> None:
    large, small = broker.open("buy", "0.30"), broker.open("sell", "0.10")
    rest = broker.close_by(small, large)
    assert rest is not None
    assert broker.book.open[rest].lots == Decimal("0.20")
    assert f"{large}/0/0.10/close hedge by #{small}" in show(terminal)[1]
    assert f"{small}/1/0.10/close hedge by #{large}" in show(terminal)[1]
