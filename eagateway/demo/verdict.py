"""Is a follower's book what it must be? Compared with the expectation, position by position, in sentences.

The book is the follower's broker's own: what stands in it, what was closed, what was ordered. Positions are known by
the master's ticket, which every order names. Nothing of the gateway's rows or code is looked at.

Two things depend on the clock. Whether a backlog's opening was young enough, where the run cannot tell: then both are
right. And a change that the next one overtook while it was on its way (`Clock.lag`, as this very run has measured it):
the book may go straight to the next one. That is an exception: where most changes of a kind are missing, it is told.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Final

from eagateway_sdk.paper import Book
from eagateway_sdk.paper.broker import ClosedTrade, Executed, Position, WorkingOrder

from eagateway.demo.expectation import Expected, State

_ZERO: Final = Decimal(0)
_FEW: Final = 3


@dataclass(slots=True)
class Seen:
    """What a book holds, and held, of one of the master's positions."""

    orders: list[Executed] = field(default_factory=list)
    standing: list[Position | WorkingOrder] = field(default_factory=list)
    closed: list[ClosedTrade] = field(default_factory=list)
    deleted: list[WorkingOrder] = field(default_factory=list)

    @property
    def held(self) -> Decimal:
        """Lots that stand now, open or working."""
        return sum((one.lots for one in self.standing), _ZERO)

    @property
    def opened(self) -> Decimal:
        """Lots that were opened, or work still. Orders that were deleted unfilled do not count."""
        return sum((trade.lots for trade in self.closed), self.held)

    @property
    def copies(self) -> set[int | None]:
        return {one.magic for one in (*self.standing, *self.closed)}


@dataclass(slots=True)
class Changes:
    """How often a kind of change was due, and how often the book shows it."""

    due: int = 0
    shown: int = 0


@dataclass(slots=True)
class Judge:
    """Looks at one follower's book. `who`: his name in the findings. `lag`: seconds, as `Clock.lag`."""

    who: str
    lag: float
    findings: list[str] = field(default_factory=list)
    changes: dict[str, Changes] = field(default_factory=lambda: defaultdict(Changes))

    def judge(self, expected: Mapping[int, Expected], book: Book) -> list[str]:
        """Everything that is wrong."""
        seen = look(book)
        for position_id in sorted(expected.keys() | seen.keys(), key=lambda one: (one is None, one)):
            due = expected.get(position_id) if position_id is not None else None
            self._position(position_id, due, seen.get(position_id, Seen()))
        for kind, changes in self.changes.items():
            if changes.due >= _FEW and changes.shown * 2 < changes.due:
                there = f"there {changes.shown or 'not one'} of them"
                self.findings.append(f"{self.who}: all positions: expected {changes.due} {kind}; {there}")
        return self.findings

    def _position(self, position_id: int | None, due: Expected | None, seen: Seen) -> None:
        what = f"{self.who}: position {position_id}"
        if due is None or not due.states:
            why = "the master never had it" if due is None else due.why
            if seen.orders or seen.standing or seen.closed:
                self._wrong(what, f"nothing, for {why}", _book_text(seen))
            return
        what += f" ({due.opened.ev} of {due.opened.type} {_lots(due.opened.lots)} {due.opened.symbol})"
        if not due.certain and not seen.orders:
            return
        problem = self._opening(due, seen) or self._lots(due, seen) or self._stops(due, seen)
        if problem is not None:
            self._wrong(what, *problem)

    def _wrong(self, what: str, wanted: str, there: str) -> None:
        self.findings.append(f"{what}: expected {wanted}; there {there}")

    # How it was opened ---------------------------------------------------------------------------------------------

    def _opening(self, due: Expected, seen: Seen) -> tuple[str, str] | None:
        first = due.states[0]
        wanted = f"{due.side} {_lots(first.lots)} {due.symbol}"
        if _never_filled(due):
            return self._cancelled(due, seen, wanted)
        if not seen.opened:
            return wanted, "nothing was opened" + (", the order was deleted" if seen.deleted else "")
        if seen.opened != first.lots or len(seen.copies) != due.legs or self._twice(due, seen):
            many = f" in {due.legs} orders" if due.legs > 1 else ""
            return f"{wanted}{many} opened", _book_text(seen)
        for one in (*seen.standing, *seen.closed):
            if (one.side, one.symbol) != (due.side, due.symbol):
                return wanted, f"is {one.side} {_lots(one.lots)} {one.symbol}"
        return None

    def _twice(self, due: Expected, seen: Seen) -> bool:
        """Whether one order was carried out more than once: by lots alone two halves would look like a whole."""
        openings = [order for order in seen.orders if order.action in ("open", "place")]
        deleted = {order.ticket for order in seen.deleted}
        return len([order for order in openings if order.ticket not in deleted]) > due.legs

    def _cancelled(self, due: Expected, seen: Seen, wanted: str) -> tuple[str, str] | None:
        """A pending order of the master that never filled. It may have been cancelled before ours was placed."""
        if due.states[-1].lots > 0:  # it works still
            right = seen.opened == due.states[0].lots and not seen.closed and len(seen.copies) == due.legs
            return None if right else (f"{wanted} working", _book_text(seen))
        if seen.opened:
            return f"{wanted} to be cancelled", _book_text(seen)
        placed = sum((order.lots for order in seen.deleted), _ZERO)
        overtaken = due.states[-1].at - due.states[0].at <= self.lag
        if placed == due.states[0].lots or (not placed and overtaken):
            return None
        return f"{wanted} placed and cancelled", _book_text(seen) if placed else "was no such order"

    # What became of it ---------------------------------------------------------------------------------------------

    def _lots(self, due: Expected, seen: Seen) -> tuple[str, str] | None:
        """Every close in the order of the master's, and what stands at the end."""
        if _never_filled(due):
            return None
        end = due.states[-1]
        if not self._same_end(due, end, seen):
            line = f"line {end.event.line}: {end.event.ev}"
            return f"{_standing_text(end)} after {line}", _book_text(seen)
        place, left = 0, seen.opened
        for trade in seen.closed:
            left -= trade.lots
            found, done = self._carried_out(due, place, left)
            if found is None:
                levels = ", then ".join(_lots(state.lots) for state in _levels(due))
                return f"the closes to leave {levels} lots", f"was a close that left {_lots(left)}"
            place = found if done else place
        if not self._overtaken(due, place, len(due.states) - 1):
            return "every partial close to be made", f"were {len(seen.closed)} closes"
        self._count_partials(due, seen)
        return None

    def _same_end(self, due: Expected, end: State, seen: Seen) -> bool:
        working = {isinstance(one, WorkingOrder) for one in seen.standing}
        return _near(seen.held, end.lots, due) and working <= {end.working}

    def _carried_out(self, due: Expected, place: int, left: Decimal) -> tuple[int | None, bool]:
        """Which state a close that left these lots leads to, from the one at `place`; whether it is reached by that.

        Of several legs each is closed by an order of its own: on the way any size may stand.
        """
        smaller = [n for n in range(place + 1, len(due.states)) if due.states[n].lots < due.states[place].lots]
        for number in smaller:
            if _near(left, due.states[number].lots, due):
                return (number, True) if self._overtaken(due, place, number) else (None, False)
            if due.legs > 1 and due.states[number].lots < left < due.states[place].lots:
                return number, False
        return None, False

    def _overtaken(self, due: Expected, place: int, number: int) -> bool:
        """Whether every other size between these two states was overtaken by the second while it was on its way."""
        ends = (due.states[place].lots, due.states[number].lots)
        between = [state for state in due.states[place + 1 : number] if state.lots not in ends]
        return all(due.states[number].at - state.at <= self.lag for state in between)

    def _count_partials(self, due: Expected, seen: Seen) -> None:
        sizes = [state.lots for state in _levels(due) if state.lots and state.at != due.states[0].at]
        self.changes["partial closes"].due += len(sizes)
        left, shown = seen.opened, set()
        for trade in seen.closed:
            left -= trade.lots
            shown.add(left)
        self.changes["partial closes"].shown += sum(any(_near(one, size, due) for one in shown) for size in sizes)

    # Its stops -----------------------------------------------------------------------------------------------------

    def _stops(self, due: Expected, seen: Seen) -> tuple[str, str] | None:
        """The stops of the order that opened it, at every close, and at the end: the first that are wrong."""
        opening = [order for order in seen.orders if order.action in ("open", "place")]
        for order in opening:
            later = [state for state in due.states[1:] if state.at - due.states[0].at <= self.lag]
            if not _among((order.sl, order.tp), [due.states[0], *later]):
                return f"{_stops_text(due.states[0])} at the opening", _pair_text(order.sl, order.tp)
        place, left = 0, seen.opened
        for trade in seen.closed:
            left -= trade.lots
            number, done = self._carried_out(due, place, left)
            if number is None:
                break
            allowed = self._possible(due, number)
            if not _among((trade.sl, trade.tp), allowed):
                return f"{_stops_text(allowed[0])} at the close", _pair_text(trade.sl, trade.tp)
            self._count_stops(due, number, (trade.sl, trade.tp))
            place = number if done else place
        for one in seen.standing:
            if not _among((one.sl, one.tp), [due.states[-1]]):
                return f"{_stops_text(due.states[-1])} at the end", _pair_text(one.sl, one.tp)
            if isinstance(one, WorkingOrder) and one.price != due.price:
                return f"a working order at {_lots(due.price)}", f"is one at {_lots(one.price)}"
        return None

    def _possible(self, due: Expected, number: int) -> list[State]:
        """Whose stops may stand when the event of this state comes: the last one's, and others that it overtakes."""
        states = list(reversed(due.states[:number]))
        found = states[:1]
        for newer, older in pairwise(states):
            if due.states[number].at - newer.at > self.lag:
                break
            found.append(older)
        return found

    def _count_stops(self, due: Expected, number: int, stops: tuple[Decimal, Decimal]) -> None:
        if number < 2 or due.states[number - 1].event.ev != "modify":
            return
        last, before = due.states[number - 1], due.states[number - 2]
        # What came with a backlog came all at once.
        if (last.sl, last.tp) != (before.sl, before.tp) and last.at != due.states[0].at:
            self.changes["changes of stops just before a close"].due += 1
            self.changes["changes of stops just before a close"].shown += _among(stops, [last])


def look(book: Book) -> dict[int | None, Seen]:
    """The book by the master's positions."""
    found: dict[int | None, Seen] = defaultdict(Seen)
    for order in book.journal:
        found[order.position_id].orders.append(order)
    for position in book.open.values():
        found[position.position_id].standing.append(position)
    for working in book.working.values():
        found[working.position_id].standing.append(working)
    for trade in book.history:
        found[trade.position_id].closed.append(trade)
    for deleted in book.deleted:
        found[deleted.position_id].deleted.append(deleted)
    return found


def _never_filled(due: Expected) -> bool:
    return all(state.working for state in due.states)


def _levels(due: Expected) -> list[State]:
    """The states in which the lots changed."""
    return [after for before, after in pairwise(due.states) if after.lots != before.lots]


def _near(left: Decimal, wanted: Decimal, due: Expected) -> bool:
    """Equal; with several legs there may be more by less than the smallest leg, where the rest could not stand."""
    return left == wanted or (due.legs > 1 and 0 < wanted < left < wanted + due.least)


def _among(stops: tuple[Decimal, Decimal], states: list[State]) -> bool:
    return any(stops == (state.sl, state.tp) for state in states)


# Sentences ---------------------------------------------------------------------------------------------------------


def _book_text(seen: Seen) -> str:
    parts = []
    for one in seen.standing:
        kind = "works" if isinstance(one, WorkingOrder) else "is open"
        parts.append(f"{kind} {one.side} {_lots(one.lots)} {one.symbol}")
    parts += [f"was closed {one.side} {_lots(one.lots)} {one.symbol}" for one in seen.closed]
    parts += [f"was deleted {one.side} {_lots(one.lots)} {one.symbol}" for one in seen.deleted]
    return " and ".join(parts) or "is nothing"


def _standing_text(state: State) -> str:
    if not state.lots:
        return "nothing to be left"
    return f"{_lots(state.lots)} lots {'working' if state.working else 'open'}"


def _stops_text(state: State) -> str:
    return f"sl {_lots(state.sl)}, tp {_lots(state.tp)}"


def _pair_text(sl: Decimal, tp: Decimal) -> str:
    return f"were sl {_lots(sl)}, tp {_lots(tp)}"


def _lots(value: Decimal) -> str:
    """Without exponent and without noughts at the end."""
    return format(value.normalize() if value else _ZERO, "f")
