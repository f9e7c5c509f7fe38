"""Diff.mqh and Lineage.mqh against a broker that is simulated in Python and knows what happened."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
CAUSES: Final = ("manual", "stop_loss", "take_profit", "stop_out", "close_by", "expiry")
HISTORIES: Final = 400


@dataclass(frozen=True, slots=True)
class Row:
    """An order as the terminal shows it; lots in hundredths, prices in points."""

    ticket: int
    type: int
    lots: int
    price: int
    opened: int
    symbol: str = "EURUSD"
    sl: int = 0
    tp: int = 0
    expiry: int = 0
    closed: int = 0
    magic: int = 0
    comment: str = ""
    position: int = 0

    def line(self, kind: str) -> str:
        """For the probe."""
        points = [f"{value / 100000:.5f}" for value in (self.price, self.sl, self.tp)]
        words = [
            kind, self.ticket, self.type, self.symbol, f"{self.lots / 100:.2f}", points[0], self.opened, *points[1:],
            self.expiry, self.closed, self.magic, self.comment, self.position,
        ]  # fmt: skip
        return "\t".join(map(str, words)) + "\n"


Fact = tuple[str, int, int, int, int, str]


@dataclass(slots=True)
class Broker:
    """MetaTrader 4's rules. `told`: what happened to each position, as facts, in order of time."""

    chance: random.Random
    book: dict[int, Row] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    ticket: int = 1000
    clock: int = 1_700_000_000

    def _next(self) -> int:
        self.ticket += self.chance.randint(1, 3)
        self.clock += 1
        return self.ticket

    def open(self) -> None:
        """A market or pending order."""
        ticket = self._next()
        kind = self.chance.choice([0, 0, 1, 1, 2, 3, 4, 5])
        price = self.chance.randint(100_000, 120_000)
        row = Row(ticket, kind, self.chance.randint(4, 100), price, self.clock, position=ticket)
        self.book[ticket] = replace(row, magic=self.chance.choice([0, 7]))
        self.told.append(("place" if kind > 1 else "open", ticket, ticket, 0, row.lots, "manual"))

    def activate(self, row: Row) -> None:
        """A pending order fills."""
        self.clock += 1
        self.book[row.ticket] = replace(row, type=row.type % 2, opened=self.clock)
        self.told.append(("activate", row.position, row.ticket, 0, row.lots, "manual"))

    def close(self, row: Row) -> None:
        """All of it, by hand, by a stop, or the deletion of a pending order."""
        self.clock += 1
        del self.book[row.ticket]
        marks = {"manual": "", "stop_loss": "[sl]", "take_profit": "[tp]", "stop_out": "so: 49.9%/12/24"}
        cause = self.chance.choice(list(marks)) if row.type < 2 else self.chance.choice(["manual", "expiry"])
        mark = marks.get(cause, "expiration")
        self.history.append(replace(row, closed=self.clock, comment=row.comment + mark))
        self.told.append(("close" if row.type < 2 else "cancel", row.position, row.ticket, 0, row.lots, cause))

    def close_part(self, row: Row) -> None:
        """The rest goes on under a new ticket; comments tell it, if this broker lets them."""
        part = self.chance.randint(1, row.lots - 1)
        new = self._next()
        del self.book[row.ticket]
        honest = self.chance.random() < 0.7
        kept = "" if self.chance.random() < 0.5 else "my comment"
        comments = (f"from #{row.ticket}", f"to #{new}") if honest else (kept, kept)
        self.book[new] = replace(row, ticket=new, lots=row.lots - part, comment=comments[0])
        self.history.append(replace(row, lots=part, closed=self.clock, comment=comments[1]))
        self.told.append(("partial", row.position, row.ticket, new, part, "manual"))

    def step(self) -> None:
        """Something happens."""
        alive = [row for row in self.book.values() if row.type < 2]
        pending = [row for row in self.book.values() if row.type > 1]
        what = self.chance.random()
        if what < 0.35 or not self.book:
            self.open()
        elif what < 0.65 and any(row.lots > 1 for row in alive):
            self.close_part(self.chance.choice([row for row in alive if row.lots > 1]))
        elif what < 0.75 and pending:
            self.activate(self.chance.choice(pending))
        else:
            self.close(self.chance.choice(list(self.book.values())))


Look = tuple[Sequence[Row], Sequence[Row], Sequence[Row], int]


def compare(looks: Sequence[Look], folder: Path) -> list[list[Fact]]:
    """The probe's facts for each (before, after, history, highest ticket seen); "=" are the book's positions."""
    lines = []
    for before, after, history, highest in looks:
        for kind, rows in (("B", before), ("A", after), ("H", history)):
            lines += [row.line(kind) for row in rows]
        lines.append(f"go\t{highest}\n")
    (folder / "in.txt").write_text("".join(lines), encoding="ascii")
    done = run("DiffProbe", folder)
    assert done.returncode == 0, done.stdout
    found: list[list[Fact]] = [[]]
    for line in (folder / "out.txt").read_text().splitlines():
        words = line.split()
        if words[0] == "=":
            found[-1] += [("=", int(p), int(t), 0, 0, "") for t, p in (word.split(":") for word in words[1:])]
            found.append([])
        else:
            numbers = [int(word) for word in words[1:4]]
            lots, cause = round(float(words[4]) * 100), CAUSES[int(words[5])]
            found[-1].append((words[0], numbers[0], numbers[1], numbers[2], lots, cause))
    return found[:-1]


def one(before: Sequence[Row], after: Sequence[Row], history: Sequence[Row], folder: Path) -> list[Fact]:
    """A single look, without the positions."""
    return [fact for fact in compare([(before, after, history, 0)], folder)[0] if fact[0] != "="]


def test_whatever_happens_between_two_looks_every_position_is_told_its_own_story(tmp_path: Path) -> None:
    looks, truths = [], []
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        broker = Broker(chance)
        for _ in range(chance.randint(0, 6)):
            broker.step()
        before, known, highest = list(broker.book.values()), len(broker.told), broker.ticket
        for _ in range(chance.randint(1, 5)):
            broker.step()
        rows = [replace(row, position=0) for row in broker.book.values()]
        history = list(broker.history)
        chance.shuffle(rows)
        chance.shuffle(history)
        looks.append((before, rows, history, highest))
        truths.append((broker.told[known:], {row.ticket: row.position for row in broker.book.values()}, broker))
    seen = 0
    for seed, (facts, (happened, positions, broker)) in enumerate(zip(compare(looks, tmp_path), truths, strict=True)):
        # where comments are erased, nobody can tell what belongs to a position that no look has seen
        unseen = {fact[1] for fact in happened if fact[0] in ("open", "place")}
        born = {ticket for fact in happened if fact[1] in unseen for ticket in (fact[1], fact[2], fact[3])}
        known_before = [fact for fact in happened if fact[1] not in born]
        told = [fact for fact in facts if fact[0] != "=" and fact[1] not in born]
        seen += len(told)
        assert _by_position(told) == _by_position(known_before), seed
        held = {fact[2]: fact[1] for fact in facts if fact[0] == "="}
        old = {ticket: position for ticket, position in positions.items() if position not in born}
        assert {ticket: held[ticket] for ticket in old} == old, seed
        assert set(held) == set(broker.book), seed
    assert seen > HISTORIES // 2


def _by_position(facts: Sequence[Fact]) -> dict[int, list[Fact]]:
    stories: dict[int, list[Fact]] = {}
    for fact in facts:
        stories.setdefault(fact[1], []).append(fact)
    return stories


BASE: Final = Row(10, 0, 100, 110_000, 500, position=10, magic=7)


def test_a_trade_that_opened_and_closed_between_two_looks_is_told_as_both(tmp_path: Path) -> None:
    gone = replace(BASE, ticket=11, closed=600, position=0)
    facts = one([BASE], [BASE], [gone], tmp_path)
    assert facts == [("open", 11, 11, 0, 100, "manual"), ("close", 11, 11, 0, 100, "manual")]


def test_one_that_opened_was_closed_in_part_and_lives_on_is_one_position(tmp_path: Path) -> None:
    part = replace(BASE, ticket=11, lots=30, closed=600, comment="to #12")
    rest = replace(BASE, ticket=12, lots=70, comment="from #11")
    facts = compare([([BASE], [BASE, rest], [part], 0)], tmp_path)[0]
    assert facts[:2] == [("open", 11, 11, 0, 100, "manual"), ("partial", 11, 11, 12, 30, "manual")]
    assert ("=", 11, 12, 0, 0, "") in facts
    assert len(facts) == 4


def test_four_partial_closes_between_two_looks_are_four_facts_of_one_position(tmp_path: Path) -> None:
    parts = [
        replace(BASE, ticket=10 + i, lots=10, closed=600 + i, comment=f"to #{11 + i}") for i in range(4)
    ]  # fmt: skip
    parts = [replace(row, comment="erased" if row.ticket == 12 else row.comment) for row in parts]
    rest = replace(BASE, ticket=14, lots=60, comment="from #13", position=0)
    facts = one([BASE], [rest], parts, tmp_path)
    assert facts == [("partial", 10, 10 + i, 11 + i, 10, "manual") for i in range(4)]


def test_a_comment_alone_proves_no_lineage(tmp_path: Path) -> None:
    liar = replace(BASE, ticket=12, lots=60, type=1, comment="from #10", position=0)
    facts = one([BASE], [liar], [replace(BASE, lots=40, closed=600)], tmp_path)
    assert facts == [("close", 10, 10, 0, 40, "manual"), ("open", 12, 12, 0, 60, "manual")]


def test_an_order_of_the_same_moment_and_price_is_not_taken_for_the_rest_of_another(tmp_path: Path) -> None:
    twin = replace(BASE, ticket=11, lots=100, position=11)
    rest = replace(BASE, ticket=12, lots=40, comment="from #11", position=0)
    other = replace(BASE, ticket=13, lots=40, comment="from #10", position=0)
    history = [replace(BASE, lots=60, closed=600), replace(twin, lots=60, closed=600)]
    facts = compare([([BASE, twin], [rest, other], history, 0)], tmp_path)[0]
    assert ("partial", 10, 10, 13, 60, "manual") in facts
    assert ("partial", 11, 11, 12, 60, "manual") in facts


def test_a_rest_whose_comment_names_another_ticket_is_not_taken_though_the_figures_fit(tmp_path: Path) -> None:
    twin = replace(BASE, ticket=11, position=11)
    rest = replace(BASE, ticket=12, lots=40, comment="from #11", position=0)
    history = [replace(BASE, lots=60, closed=600), replace(twin, lots=60, closed=600)]
    facts = one([BASE, twin], [rest], history, tmp_path)
    assert facts == [("close", 10, 10, 0, 60, "manual"), ("partial", 11, 11, 12, 60, "manual")]


def test_a_ticket_in_neither_list_is_no_close(tmp_path: Path) -> None:
    assert one([BASE], [], [], tmp_path) == [("gone", 10, 10, 0, 100, "manual")]


def test_close_by_ends_both_and_the_rest_belongs_to_the_larger_one(tmp_path: Path) -> None:
    small = replace(BASE, ticket=11, type=1, lots=40, opened=510, price=110_100, position=11)
    history = [
        replace(BASE, lots=40, closed=600, comment="close hedge by #11"),
        replace(small, closed=600, comment="close hedge by #10"),
    ]
    rest = replace(BASE, ticket=12, lots=60, comment="partial close", position=0)
    facts = one([BASE, small], [rest], history, tmp_path)
    assert facts == [("partial", 10, 10, 12, 40, "close_by"), ("close", 11, 11, 0, 40, "close_by")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sl": 109_000}, ["modify"]), ({"tp": 111_000}, ["modify"]), ({"comment": "other"}, []), ({"magic": 8}, []),
        ({"lots": 40}, ["partial"]), ({"price": 110_001}, []), ({}, []),
    ],
)  # fmt: skip
def test_what_changes_in_a_position_is_told_and_nothing_else(
    change: dict[str, Any], told: list[str], tmp_path: Path
) -> None:
    assert [fact[0] for fact in one([BASE], [replace(BASE, **change)], [], tmp_path)] == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"price": 100_001}, ["modify"]), ({"expiry": 900}, ["modify"]), ({"type": 0}, ["activate"]),
        ({"type": 0, "price": 100_010, "sl": 99_000}, ["activate", "modify"]),
        ({"type": 0, "opened": 700}, ["activate"]),
    ],
)  # fmt: skip
def test_what_changes_in_a_pending_order_is_told(change: dict[str, Any], told: list[str], tmp_path: Path) -> None:
    order = replace(BASE, type=2, price=100_000)
    assert [fact[0] for fact in one([order], [replace(order, **change)], [], tmp_path)] == told
