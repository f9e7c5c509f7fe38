"""Answers that no gateway should give, and those of what stands between: nothing is done twice, and the EA goes on."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.ea.gateways import AnyGateway, Frame, frame
from tests.ea.seats import ACCOUNT, KEY, MASTER_ONLY, ONE_BY_DAY, Seat, until
from tests.ea.test_watching import looks, told

pytestmark = pytest.mark.compiles
PAGE: Final = b"<html><body>Please log in to the hotel's network</body></html>"
MAGIC: Final = 0x5A000000
GARBAGE: Final = [
    (200, {"Content-Type": "text/html"}, PAGE),
    (403, {"Content-Type": "text/html"}, PAGE),
    (404, {}, b""),
    (401, {}, b"Unauthorized"),
    (406, {}, b"[]"),
    (409, {}, b'{"detail":"something"}'),
    (302, {"Location": "/login"}, b""),
    (200, {}, b'{"a\\'),
    (200, {}, b'{"frames'),
    (200, {}, b'{"frames":[{"v":1,"type":"Ack"'),
    (200, {}, b'{"frames":[{"v":1,"type":"OrderCommand","payload":{}},[]],"ack":"one"}'),
    (200, {}, b'{"frames":[{}],"ack":99999999999999999999}'),
    (200, {}, bytes(range(256))),
    (200, {}, b"[" * 5000),
    (200, {}, b'{"frames":[' + b"x" * 3_000_000),
    (500, {}, b""),
    (502, {"Retry-After": "soon"}, PAGE),
]


@pytest.fixture
def seat(gateway: AnyGateway, tmp_path: Path, platform: str) -> Iterator[Seat]:
    with Seat(gateway.url, ACCOUNT, KEY, tmp_path / "one", platform=platform) as one:
        yield one


def order(seq: int, copy_no: int, **more: object) -> Frame:
    """An order to open a copy, under this number; the same one each time."""
    payload: dict[str, Any] = {
        "command_id": str(UUID(int=copy_no)), "action": "open", "copy_no": copy_no, "magic": MAGIC + copy_no,
        "position_id": copy_no, "symbol": "EURUSD", "side": "buy", "lots": "0.10", "attempt": 1,
    }  # fmt: skip
    return frame("OrderCommand", payload | more, seq=seq) | {"id": str(UUID(int=1000 + seq))}


def sound(seat: Seat) -> None:
    """Its journal has no bad line."""
    assert not list((seat.folder / "EAGateway").glob("*.bad"))


@pytest.mark.parametrize("platform", ONE_BY_DAY)
def test_what_is_not_the_gateways_answer_stops_nothing(seat: Seat, gateway: AnyGateway) -> None:
    gateway.garbage = [*GARBAGE]
    seat.start(MQL_CLOCK_RATE="50")
    until(lambda: not gateway.garbage, 60)
    seat.live("follower")
    gateway.garbage = [*GARBAGE]
    until(lambda: not gateway.garbage, 60)
    gateway.orders = lambda: [order(1, 1)]
    until(lambda: len(seat.open) == 1)
    until(lambda: [one["status"] for one in told(seat)] == ["filled"])
    assert "STOPPED" not in seat.said()
    sound(seat)


def test_a_page_of_something_between_is_told_on_the_chart(seat: Seat, gateway: AnyGateway) -> None:
    gateway.garbage = [(403, {}, PAGE)] * 1000
    seat.start(MQL_CLOCK_RATE="20")
    seat.shows("The answer was not the gateway's.")
    gateway.garbage = []
    seat.live("follower", seconds=60)
    gateway.garbage = [(200, {}, PAGE)] * 1000
    seat.shows("The answer was not the gateway's.", seconds=60)


def test_a_pause_that_is_told_ends_within_an_hour(seat: Seat, gateway: AnyGateway) -> None:
    gateway.garbage = [(503, {"Retry-After": "2147483647"}, b'{"code":"try_later"}')]
    seat.start()
    seat.shows("WAITING ")
    words = next(line for line in seat.chart() if line.startswith("WAITING "))
    assert 60 <= int(words.split()[1]) <= 2 * 3600


def test_a_frame_that_comes_again_has_the_id_that_it_had(seat: Seat, gateway: AnyGateway) -> None:
    gateway.role = "master"
    gateway.state = {"status": "pending", "stored_seq": 0}
    seat.inputs = {"Role": MASTER_ONLY}
    seat.broker.open("buy", "0.20")
    seat.start(MQL_CLOCK_RATE="20").terminal.hears("EA Gateway: watching")
    gateway.deaf = 2
    seat.broker.open("buy", "0.10")
    until(lambda: len(gateway.named("OrderIntent")) > 2, 60)
    first, *again = gateway.named("OrderIntent")
    assert {one["id"] for one in again} == {first["id"]}
    assert [one["resent"] for one in again if "resent" in one]
    assert first["seq"] == 1


def test_what_was_never_sent_is_sent_though_it_was_acknowledged(seat: Seat, gateway: AnyGateway) -> None:
    gateway.role, gateway.limits, gateway.ahead = "master", {"intent_rate": 1}, 3
    gateway.state = {"status": "pending", "stored_seq": 0}
    seat.inputs = {"Role": MASTER_ONLY}
    seat.broker.open("buy", "0.20")
    seat.start(MQL_CLOCK_RATE="5").terminal.hears("EA Gateway: watching")
    with seat.terminal.told.lock:
        tickets = [seat.broker.open("buy", "0.10") for _ in range(6)]
    until(lambda: len(gateway.named("OrderIntent")) >= 6)
    assert {one["payload"]["ticket"] for one in gateway.named("OrderIntent")} == set(tickets)


@pytest.mark.parametrize("platform", ONE_BY_DAY)
def test_commands_under_wrong_numbers_are_carried_out_once(seat: Seat, gateway: AnyGateway) -> None:
    chance = random.Random(7)
    all_of_them = [order(seq, seq) for seq in range(1, 13)]
    gateway.orders = lambda: chance.choices([*all_of_them, order(0, 20), order(-1, 21), order(2**62, 22)], k=6)
    seat.start().live("follower")
    until(lambda: len(told(seat)) == 12, 60)
    looks(seat)
    assert sorted(report["copy_no"] for report in told(seat)) == list(range(1, 13))
    assert sorted(position.magic or 0 for position in seat.open) == [MAGIC + seq for seq in range(1, 13)]
    sound(seat)


NO_WORDS: Final = ["a b", "a\tX7", "", "a\nb", "x" * 5000]


@pytest.mark.parametrize("platform", ONE_BY_DAY)
def test_a_command_whose_names_are_no_words_is_left_out_and_the_next_is_carried_out_once(
    seat: Seat, gateway: AnyGateway
) -> None:
    bad = [order(seq, 50 + seq, command_id=name) for seq, name in enumerate(NO_WORDS, 1)]
    frames = [*bad, order(6, 56) | {"id": "a b"}, order(7, 7)]
    gateway.state |= {"epoch": "one\tX100 two"}
    gateway.orders = lambda: frames
    seat.start().live("follower")
    until(lambda: [report["copy_no"] for report in told(seat)][-1:] == [7], 60)
    looks(seat)
    seat.kill()
    seat.start().live("follower")
    looks(seat)
    executed = [report["copy_no"] for report in told(seat)]
    assert executed == [7]
    assert [position.magic for position in seat.open] == [MAGIC + 7]
    sound(seat)
