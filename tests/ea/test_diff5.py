"""Diff.mqh on the rows of a MetaTrader 5: positions keep their ticket, and each closing is a row of the history."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
HISTORIES: Final = 200
Fact = tuple[str, int, int]
"""What happened, to which position, with how many hundredths of a lot."""


def line(kind: str, ticket: int, lots: int, closer: int, left: int, *, type_: int = 0, closed: int = 0) -> str:
    """A row for the probe; lots in hundredths."""
    words = (kind, ticket, type_, "EURUSD", f"{lots / 100:.2f}", 1.1, 1, 0, 0, 0, closed, 0, "", ticket, closer)
    return "\t".join(map(str, words)) + f"\t{left / 100:.2f}\n"


@dataclass(slots=True)
class Account:
    """Positions with the lots that are left, and what was closed of each, as (order, lots, left)."""

    chance: random.Random
    lots: dict[int, int] = field(default_factory=dict)
    closings: list[tuple[int, int, int, int]] = field(default_factory=list)
    ticket: int = 100

    def step(self) -> None:
        """One thing happens."""
        self.ticket += self.chance.randint(1, 3)
        if not self.lots or self.chance.random() < 0.4:
            self.lots[self.ticket] = self.chance.randint(4, 60)
            return
        position = self.chance.choice(list(self.lots))
        lots = self.chance.randint(1, self.lots[position])
        self.lots[position] -= lots
        self.closings.append((position, self.ticket, lots, self.lots[position]))
        if not self.lots[position]:
            del self.lots[position]

    def told_since(self, before: dict[int, int], highest: int) -> list[Fact]:
        """What a look must find that had these lots in mind."""
        facts: list[Fact] = []
        for position, lots in before.items():
            facts += self._closed(position, lots)
        new = {one for one, *_ in self.closings if one > highest} | set(self.lots)
        for position in sorted(new - set(before)):
            parts = [left + lots for one, _, lots, left in self.closings if one == position]
            first = max([*parts, self.lots.get(position, 0)])
            facts += [("open", position, first), *self._closed(position, first)]
        return facts

    def _closed(self, position: int, lots: int) -> list[Fact]:
        since = [(part, left) for one, _, part, left in self.closings if one == position and left < lots]
        return [("partial" if left else "close", position, part) for part, left in since]


def compare(
    before: dict[int, int], after: dict[int, int], closings: list[tuple[int, int, int, int]], highest: int
) -> str:
    """One comparison for the probe."""
    text = "".join(line("B", ticket, lots, ticket, lots) for ticket, lots in before.items())
    text += "".join(line("A", ticket, lots, ticket, lots) for ticket, lots in after.items())
    text += "".join(line("H", one, lots, order, left, closed=9) for one, order, lots, left in closings)
    return text + f"go\t{highest}\n"


def facts_of(folder: Path, text: str) -> list[list[Fact]]:
    """The facts of each comparison."""
    (folder / "in.txt").write_text(text, encoding="ascii")
    done = run("DiffProbe", folder)
    assert done.returncode == 0, done.stdout
    found: list[list[Fact]] = [[]]
    for told in (folder / "out.txt").read_text(encoding="ascii").splitlines():
        words = told.split(" ")
        if words[0] == "=":
            found.append([])
        elif words[0] != "modify":
            found[-1].append((words[0], int(words[1]), round(float(words[4]) * 100)))
    return found[:-1]


def test_every_closing_is_told_once_with_its_own_lots_whenever_somebody_looks(tmp_path: Path) -> None:
    text, expected = "", []
    for seed in range(HISTORIES):
        account = Account(random.Random(seed))
        before: dict[int, int] = {}
        highest = 0
        for _ in range(8):
            for _ in range(account.chance.randint(0, 5)):
                account.step()
            shown = account.closings[:]
            account.chance.shuffle(shown)  # no list has an order that could be trusted
            text += compare(before, account.lots, shown, highest)
            expected.append(account.told_since(before, highest))
            before, highest = dict(account.lots), account.ticket
    found = facts_of(tmp_path, text)
    assert [sorted(facts, key=_place) for facts in found] == [sorted(facts, key=_place) for facts in expected]
    assert sum(fact[0] == "partial" for facts in found for fact in facts) > HISTORIES


def _place(fact: Fact) -> int:
    return fact[1]  # the order within a position is kept: sorting is stable


def test_a_closing_that_is_in_the_history_before_the_book_shows_it_waits_for_the_book(tmp_path: Path) -> None:
    closings = [(5, 20, 10, 20), (5, 21, 5, 15)]
    before, behind = {5: 30}, {5: 20}
    text = compare(before, before, closings, 9) + compare(before, behind, closings, 9)
    assert facts_of(tmp_path, text) == [[], [("partial", 5, 10)]]


def test_a_closing_that_the_history_does_not_show_yet_is_not_told_without_its_price(tmp_path: Path) -> None:
    closings = [(5, 20, 10, 20)]
    text = compare({5: 30}, {5: 15}, closings, 9) + compare({5: 20}, {}, closings, 9)
    assert facts_of(tmp_path, text) == [[("partial", 5, 10)], [("gone", 5, 20)]]


def test_what_was_closed_in_part_before_anyone_saw_it_is_told_as_opened_whole(tmp_path: Path) -> None:
    closings = [(5, 20, 6, 4)]
    pending = line("B", 5, 10, 0, 0, type_=2)
    text = compare({}, {5: 4}, closings, 4)
    text += pending + compare({}, {5: 4}, closings, 4)  # it waited for its price when it was last seen
    text += compare({}, {5: 10}, closings, 4)  # the book does not show the closing yet
    text += compare({}, {5: 4}, closings, 5)  # it was there before the program
    assert facts_of(tmp_path, text) == [
        [("open", 5, 10), ("partial", 5, 6)],
        [("activate", 5, 10), ("partial", 5, 6)],
        [("open", 5, 10)],
        [("open", 5, 4)],
    ]


def test_money_under_the_number_of_a_position_closes_nothing(tmp_path: Path) -> None:
    money = line("H", 5, 0, 5, 0, type_=6, closed=9)
    text = line("B", 5, 30, 5, 30) + money + "go\t9\n"
    assert facts_of(tmp_path, text) == [[("gone", 5, 30)]]
