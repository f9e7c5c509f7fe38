"""A hand trades between any two questions that the program asks of its broker. All of it is told once, in its order."""

import random
from decimal import Decimal
from typing import Final

import pytest

from ea.host.sim.broker import Broker
from tests.ea.seats import Seat, until
from tests.ea.test_watching import told

pytestmark = pytest.mark.compiles
MAGIC: Final = 0x5A000000
ACTS: Final = 400
COPIES: Final = 4
SEEDS: Final = (0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2)))


class Hand:
    """Opens copies, and closes them in whole and in part: `expected` is what must be told of each, by magic number."""

    def __init__(self, broker: Broker, chance: random.Random) -> None:
        self.broker, self.chance = broker, chance
        self.expected: dict[int, list[tuple[str, Decimal, Decimal]]] = {}
        self.acts = 0

    def acts_perhaps(self, _: str) -> None:
        """Before one question in four, one thing happens; sometimes several."""
        while self.acts < ACTS and self.chance.random() < 0.25:
            self.acts += 1
            self._act()

    def _act(self) -> None:
        positions = list(self.broker.book.open.values())
        if len(positions) < COPIES and self.chance.random() < 0.5:
            magic = MAGIC + 1 + len(self.expected)
            self.expected[magic] = []
            self.broker.open(self.chance.choice(["buy", "sell"]), f"0.{self.chance.randint(10, 60)}", magic=magic)
        elif positions:
            position = self.chance.choice(positions)
            whole = int(position.lots * 100)
            part = Decimal(whole if self.chance.random() < 0.3 else self.chance.randint(1, whole)) / 100
            mark = self.chance.choice(["", "[sl]"]) if part == position.lots else ""
            assert position.magic is not None
            cause = "stop_loss" if mark else "manual"
            self.expected[position.magic].append((cause, part, position.lots - part))
            self.broker.close(position.ticket, str(part), mark=mark)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_hand_does_between_two_questions_is_told_once_and_in_its_order(
    follower_seat: Seat, seed: int
) -> None:
    chance = random.Random(seed)
    follower_seat.broker.lies.backwards = chance.random() < 0.5
    follower_seat.start(MQL_CLOCK_RATE="20").terminal.hears("EA Gateway: watching")
    hand = Hand(follower_seat.broker, chance)
    follower_seat.terminal.told.asked = hand.acts_perhaps
    until(lambda: hand.acts == ACTS, 120)
    count = sum(len(closings) for closings in hand.expected.values())
    until(lambda: len(told(follower_seat)) >= count)
    found: dict[int, list[tuple[str, Decimal, Decimal]]] = {magic: [] for magic in hand.expected}
    for report in told(follower_seat):
        closing = (report["cause"], Decimal(report["lots"]), Decimal(report["remaining_lots"]))
        found[MAGIC + report["copy_no"]].append(closing)
    assert found == hand.expected
