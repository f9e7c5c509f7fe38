"""A master: his positions at his own broker, and the EA that tells of them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.histories.broker import Broker, Ticket
from tests.histories.clock import Clock
from tests.histories.gateway import Frame
from tests.histories.terminal import BaseTerminal

WORKING, OPEN, CLOSED = "working", "open", "closed"
LINEAGE: Final = "from #"


@dataclass(slots=True)
class Position:
    """One position of the master through its whole life. Times are seconds of the history.

    `lots`: what he has left of `lots_opened`. `opened_at`, `ended_at`: when it happened; `told_open`, `told_end`: the
    frames that say so, if the terminal has written any. `filled_at`: when his pending order filled.
    """

    id: int
    ticket: int
    symbol: str
    side: str
    order_type: str
    lots_opened: Decimal
    lots: Decimal
    price: Decimal
    sl: Decimal
    tp: Decimal
    state: str
    opened_at: float
    filled_at: float | None = None
    ended_at: float | None = None
    changed_at: float = 0.0
    told_open: Frame | None = None
    told_end: Frame | None = None
    netted: bool = False
    lots_before_more: Decimal | None = None
    netted_with_copies: bool = False
    turned_told: Frame | None = None
    tickets: list[int] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.state != CLOSED

    @property
    def is_told(self) -> bool:
        return self.told_open is not None and self.told_open.stored_at is not None


@dataclass(slots=True)
class _Seen:
    """What the EA remembers of a position: enough to tell what has changed when it starts again."""

    ticket: int
    lots: Decimal
    sl: Decimal
    tp: Decimal
    state: str


class MasterTerminal(BaseTerminal):
    """The EA of a master. `roots`: the first ticket that it knows of a position, where it has lost its store since."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.baseline: dict[int, _Seen] = {}
        self.roots: dict[int, int] = {}

    def intend(self, action: str, position: Position, *, at: float, **fields: Any) -> Frame:
        """Write an intent down. `at`: when it happened."""
        ticket = fields.pop("ticket", position.ticket)
        content: dict[str, Any] = {
            "action": action, "position_id": position.id, "ticket": ticket, "symbol": position.symbol,
            "side": position.side, "balance": "1000000", "equity": "1000000", "magic": 0, **fields,
        }  # fmt: skip
        root = self.roots.get(position.id, position.id)
        if root != position.id:
            content["position_id"] = root
            # A deal of an account that nets has a ticket of its own: it belongs to the position as it is.
            known = ticket in position.tickets
            before = position.tickets[position.tickets.index(ticket) - 1] if known else position.ticket
            content |= {"parent_ticket": before, "comment": f"{LINEAGE}{before}"}
        self.log(f"tells {action} {content['position_id']} {fields}")
        frame = self.put("OrderIntent", content)
        frame.born = at
        self.baseline[position.id] = _Seen(position.ticket, position.lots, position.sl, position.tp, position.state)
        return frame


class Master:
    """The man and his book. What he does is told at once if his terminal runs, and when it starts again if not."""

    def __init__(self, clock: Clock, broker: Broker, terminal: MasterTerminal) -> None:
        self.clock, self.broker, self.terminal = clock, broker, terminal
        self.positions: dict[int, Position] = {}

    def living(self, state: str | None = None) -> list[Position]:
        return [item for item in self.positions.values() if item.alive and state in (None, item.state)]

    # Acts ----------------------------------------------------------------------------------------------------------

    def open(
        self, symbol: str, side: str, lots: Decimal, sl: Decimal, tp: Decimal, *, silent: bool = False
    ) -> Position:
        return self._begin(symbol, side, "market", lots, Decimal("1.10000"), sl, tp, silent=silent)

    def place(self, symbol: str, side: str, kind: str, lots: Decimal, sl: Decimal, tp: Decimal) -> Position:
        below = (side == "buy") == (kind == "limit")
        return self._begin(symbol, side, kind, lots, Decimal("1.09500" if below else "1.10500"), sl, tp)

    def _begin(
        self,
        symbol: str,
        side: str,
        kind: str,
        lots: Decimal,
        price: Decimal,
        sl: Decimal,
        tp: Decimal,
        *,
        silent: bool = False,
    ) -> Position:
        order = Ticket(0, symbol, side, lots, price, sl, tp, 0, working=kind != "market", order_type=kind)
        number = self.broker.send(order).number
        state = OPEN if kind == "market" else WORKING
        now = self.clock.seconds
        position = Position(
            number, number, symbol, side, kind, lots, lots, price, sl, tp, state, now, changed_at=now, tickets=[number]
        )
        self.positions[number] = position
        if self.terminal.running and not silent:
            self.tell_open(position)
        return position

    def tell_open(self, position: Position, *, at: float | None = None) -> None:
        action = "open" if position.order_type == "market" else "place"
        position.told_open = self.terminal.intend(
            action, position, at=position.opened_at if at is None else at, order_type=position.order_type,
            lots=str(position.lots_opened), price=str(position.price), sl=str(position.sl), tp=str(position.tp),
            ticket=position.id,
        )  # fmt: skip

    def modify(self, position: Position, sl: Decimal, tp: Decimal) -> None:
        self.broker.modify(position.ticket, sl=sl, tp=tp)
        position.sl, position.tp, position.changed_at = sl, tp, self.clock.seconds
        if self.terminal.running:
            self._tell_stops(position)

    def _tell_stops(self, position: Position) -> None:
        price = {"price": str(position.price)} if position.state == WORKING else {}
        self.terminal.intend(
            "modify", position, at=position.changed_at, sl=str(position.sl), tp=str(position.tp), **price
        )

    def has_told_stops(self, position: Position) -> bool:
        """Whether the gateway was told where his stops are by now."""
        told = self.terminal.baseline.get(position.id)
        return self.terminal.connected and told is not None and (told.sl, told.tp) == (position.sl, position.tp)

    def reduce(self, position: Position, lots: Decimal) -> None:
        former = position.ticket
        rest = self.broker.close(former, lots)
        position.lots -= lots
        position.changed_at = self.clock.seconds
        if rest is not None and rest.number != former:
            position.ticket = rest.number
            position.tickets.append(rest.number)
        if self.terminal.running:
            self._tell_part(position, former, lots)

    def _tell_part(self, position: Position, former: int, lots: Decimal) -> None:
        renamed = {"new_ticket": position.ticket} if position.ticket != former else {}
        self.terminal.intend(
            "partial_close", position, at=position.changed_at, ticket=former, lots=str(lots),
            remaining_lots=str(position.lots), price="1.10100", **renamed,
        )  # fmt: skip

    def end(self, position: Position, *, silent: bool = False, printed: str = "") -> None:
        """Close a position, or delete a working order. `printed`: the lots that his terminal shows of it."""
        action = "cancel" if position.state == WORKING else "close"
        if position.state == WORKING:
            self.broker.delete(position.ticket)
        else:
            self.broker.close(position.ticket)
        position.state, position.ended_at = CLOSED, self.clock.seconds
        if self.terminal.running and not silent:
            self.tell_end(position, action, printed)

    def tell_end(self, position: Position, action: str = "close", printed: str = "") -> None:
        more = (
            {"lots": printed or str(position.lots), "price": "1.10200", "close_reason": "manual"}
            if action == "close"
            else {}
        )
        position.told_end = self.terminal.intend(action, position, at=position.ended_at or 0.0, **more)
        self.terminal.baseline.pop(position.id, None)

    def close_by(self, one: Position, other: Position) -> None:
        """Two opposite positions end by each other, as far as they go; of the smaller one MT4 prints no lots."""
        lots = min(one.lots, other.lots)
        for position in (one, other):
            if position.lots > lots:
                self.reduce(position, lots)
            else:
                self.end(position, printed="0.00" if position is other else "")

    def net(self, position: Position, side: str, lots: Decimal, *, named: tuple[int, bool]) -> None:
        """A deal on an account that nets, though nobody says so: his terminal tells it as an open of the position.

        `named`: the deal's ticket, and whether its lots are told or those that the position has then.
        """
        if side == position.side:  # what he adds is not copied, also where he had closed as much before
            known = position.lots_before_more
            position.lots_before_more = position.lots if known is None else min(known, position.lots)
        rest = self.broker.net(position.ticket, side, lots)
        ticket, of_deal = named
        position.netted = True
        if rest is None or rest.side != position.side:
            position.state, position.ended_at = CLOSED, self.clock.seconds
        else:
            position.lots = rest.lots
        told = lots if of_deal or rest is None else rest.lots
        if self.terminal.running:
            frame = self.terminal.intend(
                "open", position, at=self.clock.seconds, order_type="market", side=side, lots=str(told),
                price=str(position.price), sl=str(position.sl), tp=str(position.tp), ticket=ticket,
            )  # fmt: skip
            position.turned_told = frame if side != position.side else position.turned_told
        if not position.alive:
            self.terminal.baseline.pop(position.id, None)

    def activate(self, position: Position) -> None:
        self.broker.trigger(position.ticket)
        position.state, position.filled_at = OPEN, self.clock.seconds
        if self.terminal.running:
            self._tell_activated(position)

    def _tell_activated(self, position: Position) -> None:
        self.terminal.intend(
            "activate", position, at=position.filled_at or 0.0, price=str(position.price), lots=str(position.lots),
            sl=str(position.sl), tp=str(position.tp),
        )  # fmt: skip

    # Restarts ------------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Its store is there: what has changed meanwhile is told, with its age."""
        self.terminal.start()
        for position in list(self.positions.values()):
            self._catch_up(position, self.terminal.baseline.get(position.id))

    def _catch_up(self, position: Position, seen: _Seen | None) -> None:
        if seen is None:
            if position.alive and position.told_open is None:
                self.tell_open(position)
            return
        if seen.state == WORKING and position.filled_at is not None:
            self._tell_activated(position)
        if not position.alive:
            self.tell_end(position, "cancel" if position.filled_at is None and seen.state == WORKING else "close")
            return
        if seen.ticket != position.ticket or seen.lots != position.lots:
            self._tell_part(position, seen.ticket, seen.lots - position.lots)
        if (seen.sl, seen.tp) != (position.sl, position.tp):
            self._tell_stops(position)

    def forget(self, terminal: MasterTerminal) -> None:
        """Its store is lost: a terminal that knows nothing announces what it sees as if it were new."""
        terminal.roots = {item.id: item.ticket for item in self.living()}
        self.terminal = terminal
        terminal.start()
        for position in self.living():
            working = position.state == WORKING
            announced = terminal.intend(
                "place" if working else "open",
                position,
                at=self.clock.seconds,
                order_type=position.order_type if working else "market",
                lots=str(position.lots),
                price=str(position.price),
                sl=str(position.sl),
                tp=str(position.tp),
            )
            if not position.is_told:  # it went down with the store: this is its open
                position.told_open, position.lots_opened = announced, position.lots
                position.opened_at = self.clock.seconds

    def replace(self, terminal: MasterTerminal) -> None:
        """A fresh installation that takes what it finds as given, and tells its book alone."""
        terminal.roots = {item.id: item.ticket for item in self.living()}
        self.terminal = terminal
        for position in self.living():
            terminal.baseline[position.id] = _Seen(
                position.ticket, position.lots, position.sl, position.tp, position.state
            )
        terminal.start()
