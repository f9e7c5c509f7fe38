"""Random days of a broker and an EA that know the documents alone, against a real gateway; and that they see faults."""

import dataclasses
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.independent import broker, house
from tests.independent.broker import ZERO, Broker, Position
from tests.independent.expectation import Signal, differences, opening_lots

pytestmark = pytest.mark.lane("embedded")
SEEDS = range(1, 7)


def test_at_the_end_of_random_days_every_followers_book_is_as_his_masters_makes_it(tmp_path: Path) -> None:
    with house.gateway(tmp_path) as served:
        ended = house.play(served, SEEDS, acts=16)
    assert {seed: found for seed, (found, _) in ended.items() if found} == {}
    traded = sum(len(desk.broker.told) for _, day in ended.values() for desk in day.followers)
    assert traded > 50, "a day without trades proves nothing"


@pytest.mark.nightly
@pytest.mark.lane("embedded", "production")
def test_so_it_is_on_both_databases_when_the_gateway_is_killed_meanwhile(tmp_path: Path) -> None:
    with house.gateway(tmp_path) as served:
        ended = house.play(served, range(1001, 1009), acts=40, kills=3)
    assert {seed: found for seed, (found, _) in ended.items() if found} == {}


def a_book(**fields: Any) -> tuple[Signal, Broker]:
    """A master with 0.30 of 0.60 left, and a follower who holds his half of it under number 7."""
    signal = Signal(71, "buy", Decimal("0.60"), Decimal("0.30"), Decimal("1.05"), ZERO, Decimal(1000))
    held = Position(9, "EURUSD", "buy", Decimal("0.15"), Decimal("1.05"), ZERO, magic=7)
    follower = Broker("follower", random.Random(1))
    follower.positions[9] = dataclasses.replace(held, **fields)
    return signal, follower


HALF = {"mode": "mirrored", "multiplier": "0.5"}


def seen(signal: Signal, follower: Broker, *, attempt: int = 1) -> list[str]:
    return differences([signal], HALF, follower, [(7, 71, attempt)])


def test_a_book_as_it_shall_be_differs_in_nothing() -> None:
    assert seen(*a_book()) == []


@pytest.mark.parametrize(
    "fields", [{"lots": Decimal("0.16")}, {"side": "sell"}, {"sl": ZERO}, {"tp": Decimal(2)}, {"magic": 8}]
)
def test_a_book_that_is_otherwise_is_seen(fields: dict[str, Any]) -> None:
    assert seen(*a_book(**fields))


def test_a_position_too_many_or_too_few_is_seen() -> None:
    signal, follower = a_book()
    follower.positions[10] = dataclasses.replace(follower.positions[9], ticket=10)
    assert seen(signal, follower)
    follower.positions.clear()
    assert seen(signal, follower)
    follower.positions[9] = a_book()[1].positions[9]
    assert seen(dataclasses.replace(signal, left=ZERO), follower)


def test_what_the_day_explains_is_no_difference() -> None:
    signal, follower = a_book()
    follower.own_left[7] = Decimal("0.10")
    assert seen(signal, follower)
    follower.positions[9].lots = Decimal("0.10")
    assert seen(signal, follower) == []
    follower.positions.clear()
    assert seen(signal, follower)
    follower.given_up.add(7)
    assert seen(signal, follower) == []
    follower.given_up.clear()
    assert seen(signal, follower, attempt=3) == []
    follower.lost.add(7)
    assert seen(signal, follower)
    assert seen(dataclasses.replace(signal, opened_at=signal.opened_at - 61), follower) == []


def test_opening_lots_by_hand() -> None:
    signal = Signal(1, "buy", Decimal("0.33"), Decimal("0.33"), ZERO, ZERO, Decimal(1000))
    assert opening_lots(signal, HALF, ZERO) == Decimal("0.16")
    assert opening_lots(signal, {"mode": "balance_ratio"}, Decimal(2000)) == Decimal("0.66")
    assert opening_lots(signal, {"mode": "fixed_lots", "lots": "0.07"}, ZERO) == Decimal("0.07")


def test_nothing_of_it_knows_the_gateway_or_its_sdk() -> None:
    for file in Path(broker.__file__).parent.glob("*.py"):
        lines = [line for line in file.read_text().splitlines() if line.startswith(("import ", "from "))]
        own = ("orders", "sessions_app", "eagateway", "backoffice", "django")
        assert not [line for line in lines if line.split()[1].split(".")[0].startswith(own)], file.name
