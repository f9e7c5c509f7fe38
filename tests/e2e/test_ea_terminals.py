"""The EA's programs against a real gateway: what a master does in his terminal is done in the follower's."""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from eagateway_sdk.paper import Book

from ea.host.build import compiler
from ea.host.sim.broker import EURUSD, Answer
from tests.e2e.gateway import Cast, Gateway
from tests.ea.conftest import WITHOUT
from tests.ea.seats import WAYS, Kind, Seat, kept, until

log = logging.getLogger(__name__)
LIVING: Final = frozenset({"placed", "filled", "partially_filled", "modified"})
pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def kind(request: pytest.FixtureRequest) -> Kind:
    """What the terminals are, and how they reach the gateway: see Seat."""
    platform, way = request.param
    return Kind(platform=platform, way=way)


@pytest.fixture(scope="module")
def seats(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Iterator[tuple[Seat, Seat]]:
    """A master and a follower whose EAs run through all tests of this module."""
    cast, folder = gateway.provision({}), tmp_path_factory.mktemp("terminals")
    with (
        Seat(gateway.url, cast.names[0], cast.keys[cast.names[0]], folder / "master", **kind) as master,
        Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], folder / "follower", **kind) as follower,
    ):
        follower.start()
        master.start()
        for seat, role in ((follower, "follower"), (master, "master")):
            seat.live(role).terminal.hears("EA Gateway: watching")
        yield master, follower


@pytest.fixture
def master(seats: tuple[Seat, Seat]) -> Iterator[Seat]:
    yield seats[0]
    for seat in seats:
        log.warning("%s", seat.said()[-3000:])  # shown where a test has failed
    close_all(*seats)


@pytest.fixture
def follower(seats: tuple[Seat, Seat]) -> Seat:
    return seats[1]


def close_all(master: Seat, follower: Seat) -> None:
    """The master closes what is left, and so does the follower's EA."""
    with master.terminal.told.lock:
        for ticket in list(master.broker.book.open):
            master.broker.close(ticket)
        for ticket in list(master.broker.book.working):
            master.broker.delete(ticket)
    until(lambda: not follower.open and not follower.working)
    # And has told it: else the next test takes it for a report of its own.
    until(lambda: last(follower).get("status") not in LIVING)


def test_a_position_is_opened_changed_closed_in_part_and_closed(master: Seat, follower: Seat) -> None:
    before = len(follower.broker.book.history)
    ticket = master.broker.open("buy", "0.20", sl="1.09", comment="hello")
    until(lambda: follower.lots() == [Decimal("0.2")])
    copy = follower.open[0]
    assert (copy.symbol, copy.side, copy.sl, copy.tp) == ("EURUSD", "buy", Decimal("1.09"), Decimal(0))
    assert copy.magic is not None
    assert copy.magic >> 24 == 0x5A
    master.broker.book.modify(ticket, sl=Decimal("1.095"), tp=Decimal("1.2"), price=None)
    until(lambda: (follower.open[0].sl, follower.open[0].tp) == (Decimal("1.095"), Decimal("1.2")))
    rest = master.broker.close(ticket, "0.05")
    until(lambda: follower.lots() == [Decimal("0.15")])
    assert rest is not None
    master.broker.close(rest)
    until(lambda: not follower.open)
    closed = [(trade.lots, trade.side) for trade in follower.broker.book.history[before:]]
    assert closed == [(Decimal("0.05"), "buy"), (Decimal("0.15"), "buy")]
    assert {intent["position_id"] for intent in intents(master)[-4:]} == {ticket}  # the rest is the same position
    for seat in (master, follower):
        seat.shows("unconfirmed 0")
    master.shows(f"via {master.way}")


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
    before, reports_before = len(follower.broker.sent), len(told(follower))
    ticket = master.broker.open("sell", "0.30")
    until(lambda: follower.lots() == [Decimal("0.3")])
    master.broker.close(ticket)
    until(lambda: not follower.open)
    until(lambda: last(follower).get("status") == "closed")
    assert [report["status"] for report in told(follower)[reports_before:]] == ["unknown", "filled", "closed"]
    assert [words[0] for words in follower.broker.sent[before:]] == ["send", "close"]


def test_a_requote_is_tried_again_and_a_refusal_is_not(master: Seat, follower: Seat) -> None:
    follower.broker.answers = [Answer(138), Answer(138)]
    before, reports_before = len(follower.broker.sent), len(told(follower))
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.lots() == [Decimal("0.1")])
    assert len(follower.broker.sent) == before + 3
    until(lambda: len(told(follower)) > reports_before)
    # a command that was given up would be ordered anew, and the position would be there all the same
    assert [report["status"] for report in told(follower)[reports_before:]] == ["filled"]
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


SYMBOLS: Final = 951
MASTER_ONLY: Final = 1
RECORDS: Final = ("OA", "RSDO")
"""What is written of a trade. By the master: a fact, its acknowledgement. By the follower: received, being sent, done,
and what its book then shows."""
WRITES: Final = (("O 0", "O 50", "O 100"), ("R 0", "R 50", "R 100", "S 50", "D 50", "D 100"))
"""A kind of record, and how much of it is written, in percent: before one, inside one of each kind, between two."""


def die_at(who: int, places: Iterable[str], seats: tuple[Seat, Seat], sentence: Path) -> None:
    """One of the two dies there after the master has opened a position, and comes back; for each place."""
    master, follower = seats
    dying, role = seats[who], ("master", "follower")[who]
    before = len(follower.broker.book.history)
    dying.kill()
    dying.start(MQL_DIE_FILE=str(sentence)).live(role)
    for number, place in enumerate(places, 1):
        put(sentence, place)
        ticket = master.broker.open("buy", "0.10")
        dying.terminal.wait()
        dying.start(MQL_DIE_FILE=str(sentence)).live(role)
        until(lambda: len(follower.open) == 1)
        master.broker.close(ticket)
        until(lambda: not follower.open)
        assert len(follower.broker.book.history) == before + number, place
        until(lambda: last(follower).get("status") == "closed")  # the next death is none of this trade's


def put(sentence: Path, place: str) -> None:
    """Where the program looks at each write: all of it at once."""
    draft = sentence.with_suffix(".draft")
    draft.write_text(place)
    draft.replace(sentence)


@pytest.mark.parametrize("who", [0, 1])
def test_a_terminal_that_dies_while_it_writes_loses_and_doubles_nothing(
    who: int, seats: tuple[Seat, Seat], master: Seat, follower: Seat, tmp_path: Path
) -> None:
    die_at(who, WRITES[who], seats, tmp_path / "die")


@pytest.mark.nightly
@pytest.mark.parametrize(("who", "kind_of_record"), [(who, kind) for who in (0, 1) for kind in RECORDS[who]])
def test_wherever_a_terminal_dies_nothing_is_lost_and_nothing_doubled(
    who: int, kind_of_record: str, seats: tuple[Seat, Seat], master: Seat, follower: Seat, tmp_path: Path
) -> None:
    die_at(who, [f"{kind_of_record} {share}" for share in range(0, 101, 8)], seats, tmp_path / "die")


@pytest.mark.parametrize("who", [0, 1])
def test_answers_that_are_lost_cost_nothing_but_time(
    who: int, seats: tuple[Seat, Seat], master: Seat, follower: Seat, tmp_path: Path
) -> None:
    deaf, switch = seats[who], tmp_path / "lose"
    role = ("master", "follower")[who]
    deaf.kill()
    deaf.start(MQL_LOSE_FILE=str(switch)).live(role)
    before = len(follower.broker.sent)
    switch.touch()
    ticket = master.broker.open("buy", "0.10")
    deaf.terminal.hears("EA Gateway: link ended, 1006")
    switch.unlink()
    until(lambda: follower.lots() == [Decimal("0.1")])
    said = len(deaf.terminal.said())
    switch.touch()
    master.broker.close(ticket)
    deaf.terminal.hears("EA Gateway: link ended, 1006", after=said)
    switch.unlink()
    until(lambda: not follower.open)
    assert [words[0] for words in follower.broker.sent[before:]] == ["send", "close"]


def reports(seat: Seat) -> list[dict[str, Any]]:
    """What the gateway has stored of its reports, the oldest first; asked with the token that its EA keeps."""
    session, token = kept(next((seat.folder / "EAGateway").glob("*.session"))).split("\t")[:2]
    url = f"{seat.url}/ea-gateway/v1/sessions/{session}/reports"
    items: list[dict[str, Any]] = httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()["items"]
    return items[::-1]


def test_an_order_that_the_broker_has_already_is_reported_and_not_sent(master: Seat, follower: Seat) -> None:
    first = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    sent, magic = len(follower.broker.sent), follower.open[0].magic
    assert magic is not None
    ticket = follower.broker.open("buy", "0.20", magic=magic + 1)  # as another terminal of this account may have done
    master.broker.open("buy", "0.20")
    until(lambda: last(follower).get("already"))
    assert (last(follower)["status"], last(follower)["ticket"]) == ("filled", ticket)
    assert len(follower.broker.sent) == sent
    master.broker.close(first)


def journal(seat: Seat) -> str:
    """What stands in its journal."""
    return next((seat.folder / "EAGateway").glob("*.log")).read_text(encoding="utf-8")


def frames(seat: Seat, kind: str) -> list[dict[str, Any]]:
    """The frames of a kind in its journal, each with `at`, the moment by its own clock."""
    parts = [
        part[1:] for line in journal(seat).splitlines() for part in line[:-9].split("\t")[1:] if part.startswith("F")
    ]
    words = [part.split(" ", 4) for part in parts]
    return [{**json.loads(payload), "at": int(at)} for _, name, at, _, payload in words if name == kind]


def told(seat: Seat) -> list[dict[str, Any]]:
    """The reports in its journal."""
    return frames(seat, "ExecutionReport")


def intents(seat: Seat) -> list[dict[str, Any]]:
    """What its journal has told of the account's own trades."""
    return frames(seat, "OrderIntent")


def last(seat: Seat) -> dict[str, Any]:
    """The newest of its reports, or nothing."""
    return (told(seat) or [{}])[-1]


def test_an_order_that_never_comes_is_told_as_not_found_when_its_minute_is_over(master: Seat, follower: Seat) -> None:
    follower.kill()
    follower.start(MQL_CLOCK_RATE="20").live("follower")
    follower.broker.answers = [Answer(128)]
    before = len(follower.broker.sent)
    master.broker.open("buy", "0.10")
    until(lambda: last(follower).get("found") is False)
    doubt, absence = told(follower)[-2:]
    assert (doubt["status"], absence["status"], doubt["command_id"]) == ("unknown", "unknown", absence["command_id"])
    assert "found" not in doubt
    assert absence["at"] - doubt["at"] >= 60_000
    assert len(follower.broker.sent) == before + 1
    until(lambda: [report["status"] for report in reports(follower)[-2:]] == ["unknown", "unknown"])
    follower.kill()
    follower.start().live("follower")


def test_what_a_hand_closes_while_the_terminal_is_off_is_told_when_it_is_back(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.30")
    until(lambda: len(follower.open) == 1)
    master.kill()
    with master.terminal.told.lock:
        rest = master.broker.close(ticket, "0.10")
        assert rest is not None
        master.broker.close(rest)
    master.start().live("master")
    until(lambda: not follower.open)
    assert [trade.lots for trade in follower.broker.book.history[-2:]] == [Decimal("0.1"), Decimal("0.2")]


def test_a_pending_order_that_fills_is_told_under_the_command_that_placed_it(master: Seat, follower: Seat) -> None:
    ticket = master.broker.place("sell stop", "0.10", "1.05")
    until(lambda: len(follower.working) == 1)
    until(lambda: last(follower).get("status") == "placed")
    placed = last(follower)
    with follower.terminal.told.lock:
        follower.broker.activate(follower.working[0].ticket)
    until(lambda: last(follower).get("status") == "filled")
    assert last(follower)["command_id"] == placed["command_id"]
    with master.terminal.told.lock:
        master.broker.activate(ticket)
    master.broker.close(ticket)
    until(lambda: not follower.open)


def test_a_guard_refuses_what_opens_and_never_what_closes(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    follower.kill()
    follower.inputs = {"MaxLotsPerOrder": 0.05}
    follower.start().live("follower")
    master.broker.open("buy", "0.10")
    until(lambda: last(follower).get("status") == "rejected")
    assert (last(follower)["error_code"], last(follower)["comment"]) == (65602, "guard: max lots 0.05")
    follower.shows("refused: guard: max lots 0.05")
    master.broker.close(ticket)
    until(lambda: not follower.open)
    follower.kill()
    follower.inputs = {}
    follower.start().live("follower")


def test_trading_that_is_switched_off_delays_a_close_and_nothing_else(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    follower.broker.allowed = False
    master.broker.close(ticket)
    button = {"mt4": "AutoTrading", "mt5": "Algo Trading"}[follower.platform]
    follower.shows(f"Press the {button} button in the toolbar.")
    assert len(follower.open) == 1
    follower.broker.allowed = True
    until(lambda: not follower.open)


def test_another_account_in_the_terminal_is_served_under_its_own_name(
    gateway: Gateway, tmp_path: Path, kind: Kind
) -> None:
    cast = gateway.provision({})
    with Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], tmp_path / "one", **kind) as seat:
        seat.start().live("follower")
        seat.broker.login = 77
        seat.shows(f"EA Gateway 1.0 - {cast.names[1].rpartition(':')[0]}:77")
        seat.shows("WAITING FOR APPROVAL")
        seat.broker.login = 2
        seat.terminal.hears("EA Gateway: LIVE as follower", after=len(seat.terminal.said()))
    kept = sorted(path.name for path in (tmp_path / "one" / "EAGateway").iterdir() if path.suffix == ".log")
    assert [name.rpartition("_")[2] for name in kept] == ["2.log", "77.log"]


def test_as_many_symbols_as_a_broker_was_seen_to_list_are_told_in_parts(
    gateway: Gateway, tmp_path: Path, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    cast = gateway.provision({})
    with (
        Seat(gateway.url, cast.names[0], cast.keys[cast.names[0]], tmp_path / "master", **kind) as master,
        Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], tmp_path / "follower", **kind) as follower,
    ):
        symbols = {f"SYMBOL{number:03}.ecn": EURUSD for number in range(SYMBOLS - 1)} | {"EURUSD": EURUSD}
        follower.broker.book = Book(symbols, balance=Decimal(10_000))
        follower.broker.quotes |= dict.fromkeys(symbols, follower.broker.quotes["EURUSD"])
        began = time.monotonic()
        follower.start().live("follower")
        record_property("seconds until the last of them is told", round(time.monotonic() - began, 1))
        master.start()
        master.live("master").terminal.hears("EA Gateway: watching")
        master.broker.open("buy", "0.10")
        until(lambda: len(follower.open) == 1)


def session_of(seat: Seat) -> str:
    """The session that its EA keeps, or "" when it has none."""
    files = list((seat.folder / "EAGateway").glob("*.session"))
    return kept(files[0]).partition("\t")[0] if files else ""


@pytest.fixture
def alone(gateway: Gateway, tmp_path: Path, kind: Kind) -> Iterator[tuple[Cast, Seat]]:
    """A follower's terminal of its own, not started."""
    cast = gateway.provision({})
    with Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], tmp_path / "alone", **kind) as seat:
        yield cast, seat


def test_a_restart_resumes_the_session_and_a_removal_ends_it(alone: tuple[Cast, Seat]) -> None:
    _, seat = alone
    seat.start().live("follower")
    session = session_of(seat)
    seat.kill()
    seat.start().live("follower")
    assert session_of(seat) == session
    seat.terminal.remove(5)  # other inputs: it comes back at once
    assert seat.terminal.wait() == 0
    assert session_of(seat) == session
    seat.start().live("follower")
    seat.terminal.remove(1)
    assert seat.terminal.wait() == 0
    assert session_of(seat) == ""


def test_a_terminal_that_another_one_has_replaced_stops_says_so_and_executes_nothing_more(
    alone: tuple[Cast, Seat], tmp_path: Path
) -> None:
    cast, seat = alone
    seat.broker.allowed = False  # what is ordered waits
    seat.start().live("follower")
    with Seat(
        seat.url, cast.names[0], cast.keys[cast.names[0]], tmp_path / "master", platform=seat.platform, way=seat.way
    ) as master:
        master.start().live("master").terminal.hears("EA Gateway: watching")
        master.broker.open("buy", "0.10")
        seat.shows("0 open, 1 waiting")
    cast.open(1)
    seat.shows("STOPPED - preempted. Another terminal is in charge")
    assert "ALERT: EA Gateway stopped: preempted" in seat.said()
    seat.broker.allowed = True
    time.sleep(1.0)
    assert not seat.broker.sent


def test_an_unknown_key_waits_for_its_approval_and_tells_nothing_of_its_trades(
    gateway: Gateway, tmp_path: Path, kind: Kind
) -> None:
    cast, key = gateway.provision({}), secrets.token_urlsafe(32)
    digits = hashlib.sha256(key.encode()).hexdigest()
    with Seat(gateway.url, cast.names[0], key, tmp_path / "new", **kind) as seat:
        seat.start()
        seat.shows(f"key {digits[:4]} {digits[4:8]}")
        old = seat.broker.open("buy", "0.10")
        seat.broker.close(old)
        ticket = seat.broker.open("buy", "0.10")
        assert seat.terminal.told.looks == 0  # a stranger's list of orders is not even read
        cast.approve(0, key)
        seat.live("master").terminal.hears("EA Gateway: watching, 1 open trades will not be copied")
        assert f" B 0\t+{ticket}|" in journal(seat)  # written down when the role was known, and not before
        seat.broker.open("sell", "0.20")
        until(lambda: "OrderIntent" in journal(seat))
        assert journal(seat).count("OrderIntent") == 1
        assert key not in seat.said()


@pytest.mark.nightly
def test_an_account_that_becomes_a_master_later_is_told_so_without_a_restart(
    gateway: Gateway, tmp_path: Path, kind: Kind
) -> None:
    cast, key = gateway.provision({}), secrets.token_urlsafe(32)
    name = f"{cast.names[0].rpartition(':')[0]}:9"
    account = {"account_id": name, "keys": [{"key": key, "approved": True}]}
    provisioned(gateway, {"name": cast.tenant, "accounts": [account]})
    with Seat(gateway.url, name, key, tmp_path / "later", **kind) as seat:
        seat.start(MQL_CLOCK_RATE="100").live("none")
        ticket = seat.broker.open("buy", "0.10")
        until(lambda: f"\t+{ticket}|" in journal(seat))
        strategy = {"name": "Another", "master": name, "subscriptions": [{"follower": cast.names[1]}]}
        accounts = [account, {"account_id": cast.names[1]}]
        provisioned(gateway, {"name": cast.tenant, "accounts": accounts, "strategies": [strategy]})
        seat.shows("LIVE as master")
        assert "OrderIntent" not in journal(seat)


def provisioned(gateway: Gateway, tenant: dict[str, Any]) -> None:
    """Make or change a tenant, as an operator would."""
    done = gateway.manage("provision", "-", text=json.dumps({"tenants": [tenant]}))
    assert done.returncode == 0, done.stderr


def test_a_followers_own_trades_stay_his_own(master: Seat, follower: Seat) -> None:
    mine = follower.broker.open("buy", "0.70")
    first = master.broker.open("sell", "0.10")
    until(lambda: len(follower.open) == 2)
    until(lambda: f"\t+{mine}|" in journal(follower))  # it was seen
    with follower.terminal.told.lock:
        follower.broker.close(mine)
    master.broker.close(first)
    until(lambda: not follower.open)
    until(lambda: f"\t-{mine}" in journal(follower))
    assert "OrderIntent" not in journal(follower)
    assert str(mine) not in "".join(json.dumps(report) for report in told(follower))


def test_a_broker_that_erases_comments_and_turns_lists_over_hides_no_partial_close(
    master: Seat, follower: Seat
) -> None:
    master.broker.lies.erased = master.broker.lies.backwards = True
    follower.broker.lies.erased = follower.broker.lies.backwards = True
    tickets = [master.broker.open("buy", lots) for lots in ("0.20", "0.30")]
    until(lambda: sorted(follower.lots()) == [Decimal("0.2"), Decimal("0.3")])
    with master.terminal.told.lock:
        rests = [master.broker.close(ticket, "0.05") for ticket in tickets]
    until(lambda: sorted(follower.lots()) == [Decimal("0.15"), Decimal("0.25")])
    for rest in rests:
        assert rest is not None
        master.broker.close(rest)
    until(lambda: not follower.open)
    master.broker.lies.erased = master.broker.lies.backwards = False
    follower.broker.lies.erased = follower.broker.lies.backwards = False


def test_lists_that_are_empty_after_a_connection_close_nothing(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    copy = follower.open[0].ticket
    until(lambda: any((one["status"], one.get("ticket")) == ("filled", copy) for one in told(follower)))
    told_before = len(told(follower))
    for seat in (master, follower):
        with seat.terminal.told.lock:
            seat.broker.lies.empty_until = seat.broker.clock() + 2.5
    time.sleep(3.5)
    assert [position.ticket for position in follower.open] == [copy]
    assert len(told(follower)) == told_before
    master.broker.close(ticket)
    until(lambda: not follower.open)


def test_a_list_that_is_empty_at_the_very_first_start_is_no_baseline(gateway: Gateway, tmp_path: Path) -> None:
    cast = gateway.provision({})
    with Seat(
        gateway.url, cast.names[0], cast.keys[cast.names[0]], tmp_path / "first", inputs={"Role": MASTER_ONLY}
    ) as seat:
        seat.broker.open("buy", "0.10")
        seat.broker.lies.empty_until = float("inf")
        seat.start()
        until(lambda: seat.terminal.told.looks > 1)
        seat.broker.lies.empty_until = 0.0
        seat.live("master").terminal.hears("EA Gateway: watching, 1 open trades will not be copied")
        seat.broker.open("sell", "0.20")
        until(lambda: "OrderIntent" in journal(seat))
        assert journal(seat).count("OrderIntent") == 1


def test_a_close_that_the_broker_refuses_is_tried_until_it_is_done(master: Seat, follower: Seat) -> None:
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    follower.broker.answers = [Answer(146), Answer(138), Answer(4)]
    until(lambda: last(follower).get("status") == "filled")
    before = len(told(follower))
    master.broker.close(ticket)
    until(lambda: not follower.open)
    until(lambda: last(follower).get("status") == "closed")
    assert [report["status"] for report in told(follower)[before:]] == [
        "closed"
    ]  # the gateway was not asked to order anew


def closed_as(seat: Seat, ticket: int) -> int:
    """How a terminal names the closing of this ticket: a MetaTrader 5 by the order that closed it, 0 before that."""
    if seat.hedging is None:
        return ticket
    return next((deal.order for deal in seat.hedging.deals[::-1] if deal.position == ticket != deal.order), 0)


def test_what_a_command_closed_is_told_once_also_after_a_restart(master: Seat, follower: Seat) -> None:
    first = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    copy = follower.open[0].ticket
    follower.broker.lies.latency = 0.5  # of the close: time to die between its outcome and the next look at the book
    with follower.terminal.told.lock:
        master.broker.close(first)
    until(lambda: f"\tX{closed_as(follower, copy)}" in journal(follower))
    follower.kill()
    follower.broker.lies.latency = 0.0
    follower.start().live("follower")
    second = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    until(lambda: f"\t-{copy}" in journal(follower))
    assert [report["status"] for report in told(follower) if report.get("ticket") == copy] == ["filled", "closed"]
    master.broker.close(second)


def test_money_that_comes_without_a_trade_is_told(master: Seat, follower: Seat) -> None:
    with follower.terminal.told.lock:
        deposit = follower.broker.book_amount("250.00")
        credit = follower.broker.book_amount("-10.00", credit=True, comment="Credit out")
    until(lambda: last(follower).get("ticket") == credit)
    causes = [(report["ticket"], report["cause"], report["profit"], report["status"]) for report in told(follower)[-2:]]
    assert causes == [(deposit, "deposit_withdrawal", "250", "closed"), (credit, "credit", "-10", "closed")]
    until(lambda: [report["cause"] for report in reports(follower)[-2:]] == ["deposit_withdrawal", "credit"])
    ticket = master.broker.open("buy", "0.10")
    until(lambda: len(follower.open) == 1)
    assert [report["cause"] for report in told(follower) if report.get("cause")].count("credit") == 1
    master.broker.close(ticket)


def test_a_trade_that_is_found_late_is_told_with_its_age(master: Seat, follower: Seat) -> None:
    before = len(follower.broker.book.history)
    master.kill()
    with master.terminal.told.lock:
        late, fresh = (master.broker.open("buy", lots) for lots in ("0.11", "0.12"))
        master.broker.notes[late].opened -= 100
    master.start(MQL_CLOCK_OFFSET="200").live("master")  # its journal was last written 200 seconds ago
    until(lambda: follower.lots() == [Decimal("0.12")])
    until(lambda: f'"ticket":{late}' in journal(master))
    master.broker.close(fresh)
    until(lambda: not follower.open)
    assert [trade.lots for trade in follower.broker.book.history[before:]] == [Decimal("0.12")]
    master.kill()
    master.start().live("master")


def test_limits_that_the_gateway_tells_are_kept_and_stop_no_close(tmp_path: Path, kind: Kind) -> None:
    gateway = Gateway(tmp_path, EA_GUARDS="max_lots=0.15,max_slippage_points=7").start()
    cast = gateway.provision({})
    try:
        with (
            Seat(gateway.url, cast.names[0], cast.keys[cast.names[0]], tmp_path / "master", **kind) as master,
            Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], tmp_path / "follower", **kind) as follower,
        ):
            follower.start().live("follower")
            master.start().live("master").terminal.hears("EA Gateway: watching")
            small = master.broker.open("buy", "0.10")
            until(lambda: follower.lots() == [Decimal("0.1")])
            assert follower.broker.sent[0][5] == "7"
            master.broker.open("buy", "0.20")
            until(lambda: last(follower).get("comment") == "guard: max lots 0.15")
            master.broker.close(small)
            until(lambda: not follower.open)
            told = next(line for line in journal(follower).splitlines() if line[5:8] == " W ")
            assert json.loads(told[8:-9]) == {"max_lots": "0.15", "max_slippage_points": 7}
    finally:
        gateway.end()
