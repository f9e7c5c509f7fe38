"""A slow model of one copied position: a master, a broker with one or several legs, an EA, and the rows between them.

It keeps what is true at the broker apart from what was told of it, counts lots in whole hundredths, and reckons by
itself what a copy shall have. `lead` does what the rows' side does with a step, and asserts what it may never see.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from orders.domain.copies.converge import Followed, Standing, Step, converge
from orders.domain.copies.legs import Leg, Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from tests.unit.builders import NOW, leg, spec

IN_DOUBT: Final = timedelta(seconds=10)
RECENT: Final = timedelta(minutes=15)
VALID: Final = timedelta(seconds=60)
MOST_OPENINGS: Final = 3
IN_FLIGHT: Final = (CommandState.QUEUED, CommandState.UNKNOWN)
FAILED: Final = (CommandState.REJECTED, CommandState.EXPIRED, CommandState.VOID)
KINDS: Final = {
    Action.OPEN: "open", Action.PLACE: "open", Action.MODIFY: "move",
    Action.CLOSE: "close", Action.PARTIAL_CLOSE: "close", Action.CANCEL: "close",
}  # fmt: skip
UNCLEAR: Final = (128, 142, 143, 10012)


def lots(hundredths: int) -> Decimal:
    return Decimal(hundredths) / 100


def hundredths(amount: Decimal) -> int:
    counted = amount * 100
    assert counted == int(counted)
    return int(counted)


@dataclass
class Command:
    """An order in the log. `executed`: the broker has carried it out, whatever anybody knows of it."""

    action: Action
    at: datetime
    after: int
    levels: Levels
    amount: int = 0
    valid_until: datetime | None = None
    state: CommandState = CommandState.QUEUED
    error: int | None = None
    executed: bool = False

    @property
    def kind(self) -> str:
        return KINDS[self.action]


@dataclass
class Row:
    """One leg: what is there, what was told of it, and what was ordered. `unwanted`: it came to life after its end."""

    number: int
    ordered: int
    commands: list[Command]
    state: CopyState = CopyState.ORDERED
    decided: int = 0
    there: int = 0
    filled: int = 0
    stops: Levels = field(default_factory=Levels)
    told: int = 0
    told_stops: Levels = field(default_factory=Levels)
    told_at: datetime | None = None
    unwanted: bool = False
    step: Step | None = None

    @property
    def alive(self) -> bool:
        return self.state in (CopyState.ORDERED, CopyState.OPEN)

    @property
    def born(self) -> bool:
        return self.alive or self.filled > 0

    def in_flight(self, kind: str) -> list[Command]:
        return [row for row in self.commands if row.kind == kind and row.state in IN_FLIGHT]


@dataclass
class World:
    """`grid`: the lot step and the minimum, in hundredths. `by_hand`: the follower has closed some of it himself."""

    sizes: Sequence[int]
    had: int
    grid: int = 1
    reverse: bool = False
    now: datetime = NOW
    left: int = 0
    closed: bool = False
    sl: Decimal = Decimal(0)
    tp: Decimal = Decimal(0)
    subscription: SubscriptionState = SubscriptionState.ACTIVE
    rows: list[Row] = field(default_factory=list)
    by_hand: bool = False

    def __post_init__(self) -> None:
        self.left = self.had
        for number, size in enumerate(self.sizes, 1):
            opening = Command(Action.OPEN, self.now, size, Levels(), amount=size, valid_until=self.now + VALID)
            self.rows.append(Row(number, size, [opening], decided=size))

    # What is wanted, in whole numbers --------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return self.closed or self.subscription is SubscriptionState.OFF

    @property
    def wanted_stops(self) -> Levels:
        return Levels(self.tp, self.sl) if self.reverse else Levels(self.sl, self.tp)

    def target(self) -> int:
        """All legs together: what was copied x what he has left / what he had, down to the step, one step at least."""
        origin = sum(row.ordered for row in self.rows if row.born)
        return max(origin * self.left // self.had // self.grid * self.grid, self.grid)

    # Rows ------------------------------------------------------------------------------------------------------------

    def followed(self) -> Followed:
        state = PositionState.CLOSED if self.closed else PositionState.OPEN
        amount = Decimal(0) if self.closed else lots(self.left)
        position = Position(state, ticket=1, lots=amount, sl=self.sl, tp=self.tp)
        term = str(lots(self.grid))
        return Followed([self._standing(row) for row in self.rows], position, self.subscription, {
            "EURUSD": spec(least=term, step=term)
        })  # fmt: skip

    def _standing(self, row: Row) -> Standing:
        return Standing(
            leg=self._leg(row),
            lots_open=lots(row.told),
            at_broker=row.told_stops,
            commands=[_tried(one) for one in row.commands if self._counts(one, row.told_at)],
        )

    def _counts(self, command: Command, since: datetime | None) -> bool:
        """Whether the rows' side still hands it over: what is in flight, openings, and the tries of late."""
        if command.state in IN_FLIGHT or command.kind == "open":
            return True
        return command.at >= self.now - RECENT and (since is None or command.at >= since)

    def _leg(self, row: Row) -> Leg:
        return leg(
            str(lots(row.decided)), number=row.number, state=row.state, order_type=OrderType.MARKET,
            reverse=self.reverse, lots_ordered=lots(row.ordered), master_lots=lots(self.had), filled=row.filled > 0,
        )  # fmt: skip

    def lead(self) -> None:
        """Ask for the next steps, check them, and put their orders in flight."""
        given = self.followed()
        steps = converge(given, self.now)
        assert converge(given, self.now) == steps
        given_up = [row for row in self.rows if row.number in steps and steps[row.number].gives_up]
        for row in given_up:
            assert row.state is CopyState.ORDERED
            assert row.commands[-1].state in FAILED
            row.state, row.decided = CopyState.FAILED, 0
        if given_up:
            steps = converge(self.followed(), self.now)
        for row in self.rows:
            row.step = steps.get(row.number)
            assert (row.step is not None) is row.alive
            row.decided = row.decided if row.step is None else hundredths(row.step.lots)
        for row in self.rows:
            if row.step is not None:
                self._take(row, row.step)
        again = converge(self.followed(), self.now)
        assert not any(step.orders for step in again.values()), "ordered twice"

    def _take(self, row: Row, step: Step) -> None:
        if not step.orders:
            assert self.settled(row) or (step.look_at and step.waits_for), "a silent rest"
        for order in step.orders:
            self._check(row, order)
            row.commands.append(self._command(row, order))
        assert step.look_at is None or step.look_at >= self.now

    def _command(self, row: Row, order: Order) -> Command:
        levels = Levels(order.sl or Decimal(0), order.tp or Decimal(0), order.price)
        amount, after = hundredths(order.lots), hundredths(order.lots_after)
        return Command(order.action, self.now, after, levels, amount, order.valid_until)

    def _check(self, row: Row, order: Order) -> None:
        kind, after = KINDS[order.action], hundredths(order.lots_after)
        if kind == "move":
            goals = [(one.levels.sl, one.levels.tp) for one in row.in_flight(kind)]
            assert (order.sl, order.tp) not in goals
            assert (order.sl, order.tp) == (self.wanted_stops.sl, self.wanted_stops.tp)
            return
        assert not row.in_flight(kind)
        if kind == "open":
            self._check_opening(row, order)
            return
        assert 0 <= after < row.told
        assert hundredths(order.lots) == row.told - after
        ends = self.over or row.unwanted
        assert ends or len(self.rows) > 1 or after == min(self.target(), row.told)
        if after == 0 and not ends:
            others = [one for one in self.rows if one is not row and one.alive]
            assert all(one.state is CopyState.OPEN for one in others), "ended against a leg that may never be"
            assert any(one.told for one in others), "the last leg was ended"

    def _check_opening(self, row: Row, order: Order) -> None:
        openings = [one for one in row.commands if one.kind == "open"]
        assert len(openings) < MOST_OPENINGS
        assert all(one.state in FAILED and not one.executed for one in openings), "the first may be there"
        assert self.subscription is SubscriptionState.ACTIVE
        assert not self.closed
        limit = openings[0].valid_until
        assert limit is not None
        assert order.valid_until == limit >= self.now
        assert 0 < hundredths(order.lots) <= row.ordered
        assert len(self.rows) > 1 or hundredths(order.lots) == min(self.target(), row.ordered)

    def settled(self, row: Row) -> bool:
        """Whether it is where it shall be, as far as anybody was told."""
        if row.state is not CopyState.OPEN or (self.over and row.told):
            return not row.alive
        same = (row.told_stops.sl, row.told_stops.tp) == (self.wanted_stops.sl, self.wanted_stops.tp)
        on_its_way = any(one.state is CopyState.ORDERED for one in self.rows)
        living = sum(one.decided for one in self.rows if one.alive)
        return same and row.told == row.decided and (living <= self.target() or on_its_way)

    # The broker and the EA -------------------------------------------------------------------------------------------

    def next_of(self, row: Row) -> Command | None:
        """What the EA carries out next of a copy: it keeps their order, and waits behind what nobody knows."""
        waiting = [one for one in row.commands if one.state in IN_FLIGHT]
        return waiting[0] if waiting and waiting[0].state is CommandState.QUEUED else None

    def execute(self, row: Row, command: Command, part: int | None = None) -> bool:
        """Carry it out at the broker, who tells nobody yet. False if it cannot be."""
        if command.kind == "open":
            fill = command.amount if part is None else part
            row.there += fill - row.filled if command.executed else fill
            row.filled, row.stops, command.executed = fill, command.levels, True
            return True
        if not row.there:
            return False
        if command.kind == "close":
            row.there = min(row.there, command.after)
        else:
            row.stops = command.levels
        command.executed = True
        return True

    def tell(self, row: Row) -> None:
        """The broker's state becomes known: by a report, or by a book."""
        if row.told != row.there:
            row.told_at = self.now
        row.told, row.told_stops = row.there, row.stops
        if not row.there:
            if row.filled and row.state is not CopyState.ORDERED:
                row.state, row.decided = CopyState.CLOSED, 0
        elif row.state is CopyState.CLOSED:
            row.state, row.decided, row.unwanted = CopyState.OPEN, 0, True
        elif row.state is CopyState.FAILED:
            row.state, row.decided = CopyState.OPEN, row.ordered
        else:
            row.state, row.decided = CopyState.OPEN, min(row.decided, row.there)

    def end(self, command: Command, state: CommandState, error: int | None = None) -> None:
        unclear = state is CommandState.REJECTED and error in UNCLEAR
        command.state, command.error, command.at = (CommandState.UNKNOWN if unclear else state), error, self.now

    def look(self) -> None:
        """A book: what is unknown for long enough is known by it."""
        for row in self.rows:
            doubtful = [one for one in row.commands if one.state is CommandState.UNKNOWN]
            for one in doubtful:
                if one.executed:
                    self.end(one, CommandState.DONE)
                elif self.now - one.at >= IN_DOUBT:
                    self.end(one, CommandState.VOID)
            if doubtful:
                self.tell(row)


def _tried(row: Command) -> Tried:
    return Tried(row.action, row.state, row.at, lots(row.after), row.levels, row.error, row.valid_until)
