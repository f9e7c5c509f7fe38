"""Rooms of tests mirror rooms of code."""

from pathlib import Path
from typing import Final

import pytest

from tests.rooms import main, rooms

ROOT: Final = Path(__file__).resolve().parents[2]
FLOORS: Final = ("", "domain", "services")  # of an app: where a room of this name may stand
OF_ALL: Final = {"budgets"}  # what one intent costs goes through every room


@pytest.mark.parametrize("room", rooms())
def test_a_room_of_tests_has_a_room_in_the_code(room: str) -> None:
    app, _, name = room.partition("/")
    assert room in OF_ALL or any((ROOT / app / floor / name).is_dir() for floor in FLOORS)


def test_every_file_of_tests_stands_in_a_room() -> None:
    assert "." not in rooms()


def test_the_rooms_are_listed_and_an_unknown_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(rooms())
    assert main(["orders/cellar"]) == 2
    assert "no room orders/cellar" in capsys.readouterr().err
