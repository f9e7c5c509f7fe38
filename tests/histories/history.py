"""One history: a world, some dozen steps in it, a long calm, and what was found wrong."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from tests.histories import rows
from tests.histories.broker import Ticket
from tests.histories.checks import Violation, check
from tests.histories.clock import Clock
from tests.histories.faults import Kind
from tests.histories.master import OPEN, WORKING, Master, Position
from tests.histories.trouble import LISTED_OTHERWISE
from tests.histories.watch import Watch
from tests.histories.world import SPECS, Follower, Subscribed, World

SETTLE: Final = 1800.0
REST: Final = 720.0
"""Longer than a book is good for: each is asked for every 600 s."""
WHOLE_CALM: Final = 5
"""Every fifth history waits through the whole half hour: what would begin to move late is seen there."""
MOST_AT_ONCE: Final = 4
TOLD_WITHIN: Final = 300.0
LOTS: Final = ("0.01", "0.05", "0.10", "0.13", "0.30", "0.50", "1.00")
PAUSES: Final = ((0.05, 3), (3, 20), (20, 90), (100, 300))
TRADED: Final = frozenset({Kind.PARTIALS, Kind.PARTIAL_CHAINS, Kind.PENDING_ORDERS, Kind.LEGS, Kind.STOPS})
_Sided = TypeVar("_Sided", Position, Ticket)


@dataclass(slots=True)
class Outcome:
    """What became of a seed."""

    seed: int
    kinds: tuple[str, ...]
    violations: list[Violation] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    commands: int = 0

    @property
    def text(self) -> str:
        """For whoever replays it."""
        head = f"seed {self.seed}, kinds: {', '.join(self.kinds) or 'none'}"
        return "\n".join([head, *self.lines, *(f"VIOLATION {item.kind}: {item.text}" for item in self.violations)])


def run(seed: int, allowed: Collection[Kind]) -> Outcome:
    """Run the history of a seed on an empty database. Each has a few of the allowed kinds of trouble."""
    rng = random.Random(seed)
    kinds = choose(rng, allowed)
    outcome = Outcome(seed, tuple(sorted(kind.value for kind in kinds)))
    with Clock() as clock:
        world = World(clock, rng, kinds)
        try:
            story = Story(world, seed)
            story.tell()
            outcome.violations = check(world, story.watch)
            outcome.commands = sum(len(rows.log_of(item.account.pk)) for item in world.followers)
        finally:
            world.gateway.close()
            outcome.lines = world.lines
    return outcome


def choose(rng: random.Random, allowed: Collection[Kind]) -> frozenset[Kind]:
    """What is traded, and up to five troubles: few enough to see which one did it."""
    traded = [kind for kind in sorted(TRADED & set(allowed)) if rng.random() < 0.6]
    troubles = sorted(set(allowed) - TRADED)
    many = min(len(troubles), rng.choice((0, 1, 1, 2, 2, 3, 4, 5)))
    return frozenset([*traded, *rng.sample(troubles, many)])


class Story:
    """The steps of one history."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed, self.rng, self.kinds = world, seed, world.rng, world.kinds
        world.build()
        self.watch = Watch(world)
        world.watchers.append(self.watch)

    def tell(self) -> None:
        for _ in range(self.rng.randint(5, 25)):
            steps = self._steps()
            step = self.rng.choices([act for act, _ in steps], [weight for _, weight in steps])[0]
            step()
            low, high = self.rng.choice(PAUSES)
            self.world.clock.advance(self.rng.uniform(low, high))
        self._settle()

    def _settle(self) -> None:
        """All trouble ends; everybody comes back; half an hour passes.

        Four of five histories end as soon as nothing has moved for so long that every book has been told again.
        """
        world = self.world
        world.say("", "the calm begins")
        for follower in world.followers:
            follower.trouble.calm = True
            follower.broker.market_closed_until = follower.broker.stops_forbidden_until = float("-inf")
            follower.broker.requotes = 0
            self._approve(follower)
            for terminal in follower.terminals:
                terminal.twice = terminal.shuffled = 0.0
            follower.terminal.stopped = ""
            self._come_back(follower)
            if follower.broker.symbols != follower.all_symbols:
                follower.broker.symbols = set(follower.all_symbols)
                follower.terminal.list_again()
        for master in world.masters:
            master.terminal.twice = 0.0
            master.terminal.stopped = ""
            self._approve_master(master)
            if not master.terminal.running:
                master.restart()
            master.terminal.find_line()
        began = world.clock.seconds
        whole = self.seed % WHOLE_CALM == 0
        until = began + SETTLE
        while world.clock.seconds < until:
            world.clock.advance(REST / 12)
            if not whole:
                until = min(began + SETTLE, max(began, world.gateway.active_at) + REST)

    def _come_back(self, follower: Follower) -> None:
        if not follower.terminal.running:
            follower.terminal.start()
        follower.terminal.find_line()

    def _steps(self) -> list[tuple[Callable[[], None], float]]:
        """What may happen next, each with its weight."""
        has = self.kinds.__contains__
        found: list[tuple[Callable[[], None], float]] = [(self.open, 5), (self.close, 2.5)]
        table: list[tuple[Kind, Callable[[], None], float]] = [
            (Kind.STOPS, self.move_stops, 3),
            (Kind.PARTIALS, self.reduce, 2.5),
            (Kind.PARTIAL_CHAINS, self.reduce, 2.5),
            (Kind.PENDING_ORDERS, self.place, 3),
            (Kind.PENDING_ORDERS, self.end_pending, 3),
            (Kind.CLOSES_BY_HAND, self.close_by_hand, 1.5),
            (Kind.PARTS_BY_HAND, self.part_by_hand, 1.5),
            (Kind.STOPS_BY_HAND, self.stops_by_hand, 1.5),
            (Kind.STOPS_HIT, self.hit_stop, 1.5),
            (Kind.STOP_OUT, self.stop_out, 0.7),
            (Kind.DISCONNECTS, self.line, 2),
            (Kind.CRASHES, self.crash, 2),
            (Kind.LOST_LEDGERS, self.lose_ledger, 1.5),
            (Kind.TWO_INSTALLATIONS, self.take_over, 1.5),
            (Kind.PAUSES, self.pause, 2),
            (Kind.DETACHES, self.detach, 1),
            (Kind.CLOSE_BEFORE_OPEN, self.close_before_open, 1.5),
            (Kind.MASTER_RESTARTS, self.restart_master, 1.5),
            (Kind.MASTER_FORGETS, self.forget, 1.5),
            (Kind.PHONE_CLOSES, self.phone, 1.5),
            (Kind.NETTING, self.net, 2),
            (Kind.MASTER_LINES, self.master_line, 2),
            (Kind.CLOSES_BY, self.close_by, 2),
            (Kind.SYMBOLS_LEAVE, self.change_symbols, 2),
            (Kind.SPECS_CHANGE, self.change_spec, 1.5),
            (Kind.LATE_APPROVALS, self.approve, 1.5),
            (Kind.KEY_ROTATIONS, self.rotate_key, 1.5),
            (Kind.TERMS_CHANGE, self.change_terms, 2),
        ]
        return found + [(act, weight) for kind, act, weight in table if has(kind)]

    # The master ----------------------------------------------------------------------------------------------------

    def _master(self) -> Master:
        return self.rng.choice(self.world.masters)

    def _position(self, state: str | None = OPEN) -> tuple[Master, Position] | None:
        found = [(master, item) for master in self.world.masters for item in master.living(state)]
        return self.rng.choice(found) if found else None

    def _stops(self) -> tuple[Decimal, Decimal]:
        """Far from the market, on its right side for a buy; a sell has them the other way round."""
        if Kind.STOPS not in self.kinds or self.rng.random() < 0.3:
            return Decimal(0), Decimal(0)
        low, high = Decimal(self.rng.randint(90, 105)) / 100, Decimal(self.rng.randint(115, 130)) / 100
        return self.rng.choice(((low, high), (low, Decimal(0)), (Decimal(0), high)))

    def _sided(self) -> tuple[str, Decimal, Decimal]:
        side, (sl, tp) = self.rng.choice(("buy", "sell")), self._stops()
        return (side, sl, tp) if side == "buy" else (side, tp, sl)

    def _has_room(self) -> bool:
        return sum(len(master.living()) for master in self.world.masters) < MOST_AT_ONCE

    def open(self) -> None:
        if not self._has_room():
            self.close()
            return
        side, sl, tp = self._sided()
        two = Kind.TWO_MASTERS in self.kinds
        symbol = "EURUSD" if two else self.rng.choice(("EURUSD", "EURUSD", "GBPUSD"))
        made = self._master().open(symbol, side, Decimal(self.rng.choice(LOTS)), sl, tp)
        self._say("master", f"opens {made.id} {side} {made.lots} {symbol} sl {sl} tp {tp}")

    def place(self) -> None:
        if not self._has_room():
            return
        side, sl, tp = self._sided()
        made = self._master().place(
            "EURUSD", side, self.rng.choice(("limit", "stop")), Decimal(self.rng.choice(LOTS)), sl, tp
        )
        self._say("master", f"places {made.id} {side} {made.order_type} {made.lots} sl {sl} tp {tp}")

    def close(self) -> None:
        found = self._position()
        if found is not None:
            self._say("master", f"closes {found[1].id}")
            found[0].end(found[1])

    def move_stops(self) -> None:
        found = self._position(None)
        if found is None:
            return
        master, position = found
        sl, tp = self._stops()
        sl, tp = (sl, tp) if position.side == "buy" else (tp, sl)
        if (sl, tp) != (position.sl, position.tp):
            self._say("master", f"sets stops of {position.id} to sl {sl} tp {tp}")
            master.modify(position, sl, tp)

    def reduce(self) -> None:
        found = self._position()
        if found is None:
            return
        master, position = found
        chain = Kind.PARTIAL_CHAINS in self.kinds
        if (len(position.tickets) > 1 or position.lots < position.lots_opened) and not chain:
            return
        part = position.lots * (Decimal(self.rng.choice((0.2, 0.33, 0.5, 0.7))) if chain else Decimal("0.5"))
        part = part.quantize(Decimal("0.01"), rounding="ROUND_DOWN")
        if 0 < part < position.lots:
            self._say("master", f"closes {part} of {position.id}'s {position.lots}")
            master.reduce(position, part)

    def end_pending(self) -> None:
        found = self._position(WORKING)
        if found is None:
            return
        master, position = found
        if self.rng.random() < 0.4:
            self._say("master", f"cancels {position.id}")
            master.end(position)
            return
        self._say("master", f"sees {position.id} filled")
        master.activate(position)
        for sub in self._copying(master):
            for order in list(self._orders(sub, position)):
                if self.rng.random() < 0.6:
                    self.world.clock.after(self.rng.uniform(0, 4), partial(self._trigger, sub.follower, order))

    def _trigger(self, follower: Follower, order: Ticket) -> None:
        parts = follower.trouble.part_of(order.lots, follower.broker.spec)
        filled = follower.broker.trigger(order.number, parts[0])
        if filled is not None:
            self._say(follower.name, f"working order {order.number} fills, up to {', '.join(map(str, parts))}")
            follower.terminal.tell_triggered(filled, parts)

    def _copying(self, master: Master) -> list[Subscribed]:
        return [sub for sub in self.world.subscriptions if sub.master is master]

    def _orders(self, sub: Subscribed, position: Position) -> list[Ticket]:
        owned = rows.owners(sub.follower.account.pk)
        return [
            item for item in sub.follower.broker.tickets.values()
            if item.working and owned.get(item.magic & 0xFFFFFF) == (sub.id, position.id)
        ]  # fmt: skip

    def close_before_open(self) -> None:
        """Two frames in the wrong order: the close is told first."""
        if not self._has_room():
            return
        master = self._master()
        if not master.terminal.running:
            return
        made = master.open("EURUSD", "buy", Decimal("0.10"), Decimal(0), Decimal(0), silent=True)
        self._say("master", f"opens and closes {made.id}, and tells it the wrong way round")
        master.end(made)
        self.world.clock.advance(self.rng.uniform(0.1, 2))
        master.tell_open(made)

    def restart_master(self) -> None:
        master = self._master()
        self._say("master", "terminal stops, trades go on")
        master.terminal.crash()
        self.world.clock.advance(self.rng.uniform(1, 40))
        for act in self.rng.sample((self.open, self.close, self.move_stops), 2):
            if act != self.move_stops or Kind.STOPS in self.kinds:
                act()
        self.world.clock.advance(self.rng.choice((2, 30, 150)))
        self._say("master", "terminal starts again")
        for item in self.world.masters:
            if not item.terminal.running:
                item.restart()

    def forget(self) -> None:
        master = self._master()
        self._say("master", "terminal has lost its store, and announces what it sees")
        master.terminal.flush()
        master.terminal.crash()
        self.world.clock.advance(self.rng.uniform(1, 20))
        master.forget(self.world.new_master_terminal(master))

    def phone(self) -> None:
        """The terminal is lost; some positions are closed by phone; a fresh installation tells its book alone."""
        master = self._master()
        self._say("master", "terminal lost")
        master.terminal.flush()
        master.terminal.crash()
        self.world.clock.advance(self.rng.choice((5, 60, 200)))
        for position in master.living(OPEN):
            if self.rng.random() < 0.6:
                self._say("master", f"closes {position.id} by phone")
                master.end(position, silent=True)
        master.replace(self.world.new_master_terminal(master))

    def net(self) -> None:
        """His account nets, and nobody says so: a deal changes the position that there is."""
        found = self._position()
        if found is None:
            return
        master, position = found
        side, lots = self.rng.choice(("buy", "sell")), Decimal(self.rng.choice(LOTS))
        named = self.rng.choice((position.ticket, 500_000 + position.ticket)), self.rng.random() < 0.5
        position.netted_with_copies |= any(
            self._held_of(sub, position) for sub in self._copying(master) if sub.detached_at is None
        )
        self._say("master", f"deals {side} {lots} on {position.id} {position.side} {position.lots}, which nets")
        master.net(position, side, lots, named=named)

    def _held_of(self, sub: Subscribed, position: Position) -> bool:
        owned = rows.owners(sub.follower.account.pk)
        return any(
            owned.get(item.magic & 0xFFFFFF) == (sub.id, position.id) for item in sub.follower.broker.positions()
        )

    def master_line(self) -> None:
        """He trades on, and what he does is told late."""
        master, lasts = self._master(), self.rng.choice((2, 20, 70, 240))
        self._say("master", f"line lost for {lasts} s")
        terminal = master.terminal
        terminal.lose_line()
        self.world.clock.after(lasts, terminal.find_line)

    # The follower --------------------------------------------------------------------------------------------------

    def _follower(self) -> Follower:
        return self.rng.choice(self.world.followers)

    def _copy(self) -> tuple[Follower, Ticket] | None:
        found = [(item, ticket) for item in self.world.followers for ticket in item.broker.positions() if ticket.magic]
        return self.rng.choice(found) if found else None

    def close_by_hand(self) -> None:
        self._end_of_copy("manual")

    def hit_stop(self) -> None:
        self._end_of_copy(self.rng.choice(("stop_loss", "take_profit")))

    def _end_of_copy(self, cause: str) -> None:
        found = self._copy()
        if found is None:
            return
        follower, ticket = found
        self._say(follower.name, f"{cause} closes {ticket.number}")
        follower.broker.close(ticket.number, how=cause, forced=True)
        follower.terminal.tell_fact(cause, ticket, ticket.lots, None)

    def close_by(self) -> None:
        """Two opposite positions of one book end by each other: a master's, or a follower's copies."""
        master = self._master()
        mine = self._opposite([item for item in master.living(OPEN) if not item.netted])
        if mine is not None and self.rng.random() < 0.5:
            self._say("master", f"closes {mine[0].id} by {mine[1].id}")
            master.close_by(*mine)
            return
        follower = self._follower()
        found = self._opposite([item for item in follower.broker.positions() if item.magic])
        if found is None:
            return
        lots = min(item.lots for item in found)
        self._say(follower.name, f"closes {found[0].number} by {found[1].number}, {lots}")
        rests = [follower.broker.close(item.number, lots, how="close_by", forced=True) for item in found]
        for item, rest in zip(found, rests, strict=True):
            follower.terminal.tell_fact("close_by", item, lots, rest)

    def _opposite(self, items: Sequence[_Sided]) -> tuple[_Sided, _Sided] | None:
        pairs = [
            (one, other)
            for one in items for other in items
            if one.symbol == other.symbol and (one.side, other.side) == ("buy", "sell")
        ]  # fmt: skip
        return self.rng.choice(pairs) if pairs else None

    def part_by_hand(self) -> None:
        found = self._copy()
        if found is None:
            return
        follower, ticket = found
        spec = follower.broker.spec
        part = (ticket.lots / 2 / spec.lots_step).to_integral_value(rounding="ROUND_DOWN") * spec.lots_step
        if part < spec.lots_min:
            return
        self._say(follower.name, f"closes {part} of {ticket.number}'s {ticket.lots} by hand")
        rest = follower.broker.close(ticket.number, part, how="manual", forced=True)
        follower.terminal.tell_fact("manual", ticket, part, rest)

    def stops_by_hand(self) -> None:
        found = self._copy()
        if found is None:
            return
        follower, ticket = found
        low, high = Decimal("0.95"), Decimal("1.25")
        sl, tp = self.rng.choice(((Decimal(0), Decimal(0)), (low, high)))
        sl, tp = (sl, tp) if ticket.side == "buy" else (tp, sl)
        self._say(follower.name, f"sets stops of {ticket.number} to sl {sl} tp {tp} by hand")
        ticket.sl, ticket.tp = sl, tp
        follower.own_stops.add(ticket.magic)

    def stop_out(self) -> None:
        follower = self._follower()
        for ticket in follower.broker.positions():
            self._say(follower.name, f"stop-out of {ticket.number}")
            follower.broker.close(ticket.number, how="stop_out", forced=True)
            follower.terminal.tell_fact("stop_out", ticket, ticket.lots, None)

    def change_symbols(self) -> None:
        """A symbol leaves the broker's list, or those that left come back."""
        follower = self._follower()
        broker = follower.broker
        follower.trouble.note(LISTED_OTHERWISE, TOLD_WITHIN)
        gone = follower.all_symbols - broker.symbols
        if gone:
            self._say(follower.name, f"lists {sorted(gone)} again")
            broker.symbols |= gone
        else:
            name = self.rng.choice(sorted(broker.symbols))
            self._say(follower.name, f"lists {name} no more")
            broker.symbols.discard(name)
        follower.terminal.list_again()

    def change_spec(self) -> None:
        """The broker has another step, minimum or maximum."""
        follower = self._follower()
        spec = self.rng.choice([item for item in SPECS if item != follower.broker.spec])
        self._say(follower.name, f"has other lots at the broker: {spec}")
        follower.broker.spec = spec
        follower.trouble.note(LISTED_OTHERWISE, TOLD_WITHIN)
        follower.terminal.list_again()

    # Links ---------------------------------------------------------------------------------------------------------

    def line(self) -> None:
        follower = self._follower()
        lasts = self.rng.choice((2, 20, 80, 240))
        self._say(follower.name, f"line lost for {lasts} s")
        terminal = follower.terminal
        terminal.lose_line()
        follower.trouble.note("line lost", lasts + 5)
        self.world.clock.after(lasts, terminal.find_line)

    def crash(self) -> None:
        follower = self._follower()
        lasts = self.rng.choice((1, 10, 70, 200))
        self._say(follower.name, f"terminal crashes for {lasts} s")
        terminal = follower.terminal
        terminal.crash()
        follower.trouble.note("crashed", lasts + 5)
        self.world.clock.after(
            lasts, lambda: None if terminal.running or terminal is not follower.terminal else terminal.start()
        )

    def lose_ledger(self) -> None:
        follower = self._follower()
        lasts = self.rng.choice((1, 10, 70, 200))
        self._say(follower.name, f"disk is lost; a new installation starts in {lasts} s")
        follower.terminal.crash()
        follower.terminal.outbox.clear()
        follower.trouble.note("ledger lost", lasts + 70)
        follower.retired.append(follower.terminal)
        fresh = follower.terminal = self.world.new_terminal(follower)
        self.world.clock.after(lasts, lambda: fresh.start() if fresh is follower.terminal else None)

    def take_over(self) -> None:
        """A second installation takes the account over from the first, or the first takes it back."""
        follower = self._follower()
        former = follower.terminal
        others = [item for item in follower.retired if item.stopped]
        other = self.rng.choice(others) if others and self.rng.random() < 0.6 else self.world.new_terminal(follower)
        follower.trouble.note("taken over", 70)
        if other in follower.retired:
            follower.retired.remove(other)
        follower.retired.append(former)
        follower.terminal = other
        self._say(follower.name, f"{other.name} takes over from {former.name}")
        other.token = None
        other.start()

    def rotate_key(self) -> None:
        """An account gets another key; the former one is revoked before its terminal has the new one, or afterwards."""
        everybody: list[Follower | Master] = [*self.world.followers, *self.world.masters]
        item = self.rng.choice(everybody)
        terminal = item.terminal
        if terminal.account.approved_at > self.world.clock.seconds or terminal.stopped:
            return
        at_once = self.rng.random() < 0.5
        self._say("desk", f"{terminal.name} gets another key{', its former one ends at once' if at_once else ''}")
        if isinstance(item, Follower):
            item.trouble.note("key rotated", 120)
        former = self.world.gateway.give_key(terminal.account)
        if not at_once:
            terminal.change_key()
        link = terminal.link
        self.world.gateway.revoke(former)
        if at_once and link is not None and link.alive:
            self.world.broken.append(f"{terminal.name} goes on with a key that was revoked")
        if item.terminal.stopped:  # until somebody has given it the other one
            self.world.clock.after(
                self.rng.choice((2, 50)),
                lambda: terminal.start() if item.terminal is terminal and item.terminal.stopped else None,
            )

    # The desk ------------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        sub = self.rng.choice(self.world.subscriptions)
        self._change(sub, "active" if sub.state != "active" else "close_only")

    def approve(self) -> None:
        """The keys of everybody who waits, or of one follower."""
        follower = self._follower()
        if self.rng.random() < 0.5:
            self._approve(follower)
        else:
            self._approve_master(self._master())

    def _approve(self, follower: Follower) -> None:
        if follower.account.approved_at > self.world.clock.seconds:
            self._say("desk", f"approves the key of {follower.name}")
            self.world.gateway.approve(follower.account)
            follower.trouble.notes.append((0.0, self.world.clock.seconds + 5, "key pending"))

    def _approve_master(self, master: Master) -> None:
        account = self.world.master_accounts[master]
        if account.approved_at > self.world.clock.seconds:
            self._say("desk", f"approves the key of {master.terminal.name}")
            self.world.gateway.approve(account)

    def change_terms(self) -> None:
        self.world.change_terms(self.rng.choice(self.world.subscriptions))

    def detach(self) -> None:
        sub = self.rng.choice(self.world.subscriptions)
        if sub.state == "off":
            self._change(sub, "active")
        elif self._change(sub, "off", detach=True):
            sub.detached_at = self.world.clock.seconds

    def _change(self, sub: Subscribed, state: str, *, detach: bool = False) -> bool:
        done = rows.change_state(sub.id, state, detach=detach)
        self._say("desk", f"{sub.follower.name}: {state}{'' if done else ' refused'}")
        if done:
            sub.states.append((self.world.clock.seconds, state))
        return done

    def _say(self, who: str, what: str) -> None:
        self.world.say(who, what)
