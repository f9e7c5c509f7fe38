"""A broker gives a symbol another name while positions of it are open: they are the same positions, and closable."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.ea.gateways import AnyGateway
from tests.ea.seats import ONE_BY_DAY, Clock, Seat, until
from tests.ea.test_gateways import order
from tests.ea.test_watching import intents, looks, opening, told

pytestmark = pytest.mark.compiles
NEW: Final = "EURUSD.pro"


def rename(seat: Seat) -> None:
    """As at the change of a server: prices, terms and open positions have the other name from now on."""
    broker, book = seat.broker, seat.broker.book
    with seat.terminal.told.lock:
        book.symbols, broker.quotes = {NEW: book.symbols["EURUSD"]}, {NEW: broker.quotes["EURUSD"]}
        for ticket, position in list(book.open.items()):
            book.open[ticket] = replace(position, symbol=NEW)


@pytest.mark.parametrize("platform", ONE_BY_DAY)
@pytest.mark.parametrize("erased", [True, pytest.param(False, marks=pytest.mark.nightly)])
def test_a_masters_position_goes_on_under_its_symbols_other_name(seat: Seat, clock: Clock, erased: bool) -> None:
    broker = opening(seat).broker
    broker.lies.erased = erased
    (ticket,) = broker.book.open
    rename(seat)
    clock.now += 5
    looks(seat)
    assert intents(seat) == []
    with seat.terminal.told.lock:
        rest = broker.close(ticket, "0.05")
    assert rest is not None
    until(lambda: len(intents(seat)) == 1)
    with seat.terminal.told.lock:
        broker.close(rest)
    until(lambda: len(intents(seat)) == 2)
    looks(seat)
    assert intents(seat) == [("partial_close", ticket), ("close", ticket)]
    assert [one["symbol"] for one in told(seat, "OrderIntent")] == [NEW, NEW]


@pytest.mark.parametrize("platform", ONE_BY_DAY)
def test_a_copy_is_closed_under_its_symbols_other_name_and_nothing_is_opened_under_the_old_one(
    gateway: AnyGateway, bare_seat: Seat
) -> None:
    bare_seat.url = gateway.url
    gateway.orders = lambda: [order(1, 1)]
    bare_seat.start().live("follower")
    until(lambda: bare_seat.lots() == [Decimal("0.10")])
    rename(bare_seat)
    close = order(2, 1, action="close", lots="0.10", lots_before="0.10")
    close["payload"]["command_id"] = close["id"]
    gateway.orders = lambda: [order(1, 1), close, order(3, 3)]
    until(lambda: len(told(bare_seat)) == 3)
    looks(bare_seat)
    assert not bare_seat.open
    statuses = [(one["copy_no"], one["status"], one.get("error_code")) for one in told(bare_seat)]
    assert statuses == [(1, "filled", None), (1, "closed", None), (3, "rejected", 4106)]


@pytest.mark.parametrize("platform", ["mt4"])  # in a MetaTrader 5 the rest keeps its ticket
def test_a_rest_whose_comment_names_its_whole_is_known_though_the_symbol_was_renamed_between(seat: Seat) -> None:
    broker = opening(seat).broker
    (ticket,) = broker.book.open
    looks(seat)
    seat.kill()
    rest = broker.close(ticket, "0.05")
    rename(seat)  # what is closed has the old name, what lives the other one
    seat.start(MQL_CLOCK_RATE="20")
    until(lambda: len(intents(seat)) == 1)
    looks(seat)
    (only,) = told(seat, "OrderIntent")
    assert (only["action"], only["position_id"], only["new_ticket"]) == ("partial_close", ticket, rest)
