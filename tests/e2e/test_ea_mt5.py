"""What is the EA's in MetaTrader 5 alone: netting accounts, positions under other tickets, parts closed by a hand."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.build import compiler
from tests.e2e.gateway import Cast, Gateway
from tests.e2e.test_ea_terminals import journal, told
from tests.ea.conftest import WITHOUT
from tests.ea.seats import Seat, until

pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]


def seat_of(cast: Cast, number: int, folder: Path, *, platform: str = "mt5") -> Seat:
    """The terminal of an account, not started."""
    name = cast.names[number]
    return Seat(cast.gateway.url, name, cast.keys[name], folder / f"{platform}-{number}", platform=platform)


@pytest.fixture
def cast(gateway: Gateway) -> Cast:
    return gateway.provision({})


@pytest.fixture
def pair(cast: Cast, tmp_path: Path) -> Iterator[tuple[Seat, Seat]]:
    """A master in a MetaTrader 4 and a follower in a MetaTrader 5, live."""
    with seat_of(cast, 0, tmp_path, platform="mt4") as master, seat_of(cast, 1, tmp_path) as follower:
        follower.start().live("follower").terminal.hears("EA Gateway: watching")
        master.start().live("master").terminal.hears("EA Gateway: watching")
        yield master, follower


def test_an_mt4_master_is_copied_to_an_mt5_follower_part_by_part(pair: tuple[Seat, Seat]) -> None:
    master, follower = pair
    ticket = master.broker.open("buy", "0.30", sl="1.09")
    until(lambda: follower.lots() == [Decimal("0.3")])
    copy = follower.open[0].ticket
    rest = master.broker.close(ticket, "0.10")
    until(lambda: follower.lots() == [Decimal("0.2")])
    assert rest is not None
    last = master.broker.close(rest, "0.05")
    until(lambda: follower.lots() == [Decimal("0.15")])
    assert last is not None
    master.broker.close(last)
    until(lambda: not follower.open)
    until(lambda: len(told(follower)) == 4)
    reports = [(one["status"], one["ticket"], one.get("lots"), one.get("remaining_lots")) for one in told(follower)]
    assert reports == [
        ("filled", copy, "0.3", None), ("closed", copy, "0.1", "0.2"), ("closed", copy, "0.05", "0.15"),
        ("closed", copy, "0.15", "0"),
    ]  # fmt: skip
    assert [one.get("profit") for one in told(follower)[1:]] == ["-1", "-0.5", "-1.5"]
    assert not any("new_ticket" in one for one in told(follower))


def test_a_part_that_a_hand_closed_after_a_command_closed_one_is_told_as_the_hands(pair: tuple[Seat, Seat]) -> None:
    master, follower = pair
    ticket = master.broker.open("buy", "0.30")
    until(lambda: follower.lots() == [Decimal("0.3")])
    rest = master.broker.close(ticket, "0.10")
    until(lambda: follower.lots() == [Decimal("0.2")])
    until(lambda: len(told(follower)) == 2)
    with follower.terminal.told.lock:
        own = follower.broker.close(follower.open[0].ticket, "0.05")
        assert own is not None
    until(lambda: len(told(follower)) == 3)
    hand = told(follower)[-1]
    assert (hand["status"], hand["cause"], hand["lots"], hand["remaining_lots"]) == ("closed", "manual", "0.05", "0.15")
    assert "command_id" not in hand
    assert rest is not None
    master.broker.close(rest)
    until(lambda: not follower.open)
    until(lambda: len(told(follower)) == 4)
    assert "command_id" in told(follower)[-1]


def test_a_close_that_the_broker_fills_in_part_is_told_so_and_the_rest_is_closed(pair: tuple[Seat, Seat]) -> None:
    master, follower = pair
    ticket = master.broker.open("buy", "0.30")
    until(lambda: follower.lots() == [Decimal("0.3")])
    assert follower.hedging is not None
    follower.hedging.parts = ["0.20"]
    master.broker.close(ticket)
    until(lambda: not follower.open)
    until(lambda: len(told(follower)) == 3)
    closed = [(one["status"], one["lots"], one["remaining_lots"]) for one in told(follower)[1:]]
    assert closed == [("closed", "0.2", "0.1"), ("closed", "0.1", "0")]
    assert all("command_id" in one for one in told(follower))


def test_a_pending_copy_that_fills_in_parts_is_told_as_often_as_it_fills_more(pair: tuple[Seat, Seat]) -> None:
    master, follower = pair
    master.broker.place("buy limit", "0.10", "1.05")
    until(lambda: [one["status"] for one in told(follower)] == ["placed"])
    (order,), account = follower.working, follower.hedging
    assert account is not None
    for lots, status in (("0.06", "partially_filled"), ("0.04", "filled")):
        with follower.terminal.told.lock:
            account.fill_part(order.ticket, lots)
        until(lambda told_as=status: told(follower)[-1]["status"] == told_as)  # type: ignore[misc]
    fills = told(follower)[1:]
    assert [one["lots"] for one in fills] == ["0.06", "0.1"]
    assert len({one["command_id"] for one in fills}) == 1


def test_positions_that_the_broker_has_opened_anew_are_the_same_positions(pair: tuple[Seat, Seat]) -> None:
    master, follower = pair
    ticket = master.broker.open("sell", "0.20")
    until(lambda: len(follower.open) == 1)
    assert follower.hedging is not None
    with follower.terminal.told.lock:
        follower.hedging.renumbered = True
    master.broker.book.modify(ticket, sl=Decimal("1.2"), tp=Decimal(0), price=None)
    until(lambda: follower.open[0].sl == Decimal("1.2"))
    master.broker.close(ticket)
    until(lambda: not follower.open)
    until(lambda: [report["status"] for report in told(follower)] == ["filled", "modified", "closed"])


def test_an_account_that_nets_is_refused_on_the_chart_and_to_the_gateway(cast: Cast, tmp_path: Path) -> None:
    with (
        seat_of(cast, 0, tmp_path, platform="mt4") as master,
        seat_of(cast, 1, tmp_path) as follower,
    ):
        assert follower.hedging is not None
        follower.hedging.netting = True
        follower.start()
        follower.shows("REFUSED - This account nets its positions; copying from or to")
        follower.shows("Ask your broker for a hedging account.")
        follower.terminal.hears("ALERT: EA Gateway: This account nets its positions")
        follower.live("follower")
        master.start().live("master").terminal.hears("EA Gateway: watching")
        ticket = master.broker.open("buy", "0.10")
        until(lambda: "netting_unsupported" in denials(cast))
        assert not follower.broker.sent
        master.broker.close(ticket)
        assert "OrderCommand" not in journal(follower)
        assert '"margin_mode": "netting"' in environments(cast)


def test_a_master_whose_account_nets_tells_nothing_of_his_trades(cast: Cast, tmp_path: Path) -> None:
    with seat_of(cast, 0, tmp_path) as master:
        assert master.hedging is not None
        master.hedging.netting = True
        master.inputs = {"Role": 1}  # MasterOnly may fill its backlog before it is known
        master.start()
        master.shows("REFUSED - This account nets its positions")
        master.live("master")
        looks = master.terminal.told.looks
        master.broker.open("buy", "0.10")
        master.terminal.tick()
        until(lambda: "unconfirmed 0" in "".join(master.chart()))
        assert master.terminal.told.looks == looks
        assert "OrderIntent" not in journal(master)


def denials(cast: Cast) -> str:
    """The codes of all decisions that denied a copy."""
    code = "from orders.models import Decision; print([*Decision.objects.values_list('code', flat=True)])"
    return str(cast.gateway.manage("shell", "-c", code).stdout)


def environments(cast: Cast) -> str:
    """What the terminals said of themselves."""
    code = (
        "import json; from sessions_app.models import EaSession;"
        "print(json.dumps([*EaSession.objects.values_list('environment', flat=True)]))"
    )
    return str(cast.gateway.manage("shell", "-c", code).stdout)
