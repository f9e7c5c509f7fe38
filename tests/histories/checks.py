"""What is wrong at the end of a history: each book against its expectation, each difference against a stored reason."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from tests.histories import rows
from tests.histories.broker import NO_SYMBOL, ZERO, Ticket
from tests.histories.expectation import Holding, OwnActs, holding, legs, remaining, size
from tests.histories.faults import Kind
from tests.histories.master import WORKING, Position
from tests.histories.rows import CommandRow, Told
from tests.histories.trouble import LISTED_OTHERWISE, OPENS
from tests.histories.watch import CODES, Fact, Watch
from tests.histories.world import Follower, Subscribed, World

MOST_ATTEMPTS: Final = 3
MOST_COMMANDS: Final = 60
PRICE: Final = frozenset({129, 135, 136, 138})
BUSY: Final = frozenset({4, 6, 8, 137, 141, 146})
FOR_GOOD: Final = frozenset({134, 131, 64, 132, 133, 147, NO_SYMBOL})
OUR_FAULT: Final = frozenset({131, NO_SYMBOL})
LEFT_OUT: Final = frozenset({130, 147})
GIVEN_UP: Final = FOR_GOOD - {132, 133}
OUTCOMES: Final = frozenset({"done", "rejected", "expired", "void"})


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be. `kind` groups them."""

    kind: str
    text: str


def check(world: World, watch: Watch) -> list[Violation]:
    """Everything that is wrong in a world that has come to rest."""
    found = [Violation("raised", text) for text in world.gateway.raised]
    found += [Violation("refused", text) for text in world.gateway.refused]
    found += [Violation("broken", text) for text in world.broken]
    found += [Violation(f"silent_{fact.value}", name) for fact, name in watch.silent]
    for follower in world.followers:
        found += _log(follower)
        found += _own_log(follower)
        found += _extra(world, watch, follower)
    for sub in world.subscriptions:
        for position in sub.master.positions.values():
            found += _Copy(world, watch, sub, position).check()
    found += _lost(world)
    found += _netted(world)
    return found


# The log ------------------------------------------------------------------------------------------------------------


def _log(follower: Follower) -> Iterator[Violation]:
    log = rows.log_of(follower.account.pk)
    yield from _numbers(follower, log)
    for copy_no, many in Counter(row.copy_no for row in log).items():
        if many > MOST_COMMANDS:
            yield Violation("flood", f"{follower.name}: {many} commands for copy {copy_no}")
    opens = Counter(row.copy_no for row in log if row.action in OPENS and row.seq is not None)
    for copy_no, many in opens.items():
        # Once more for each of stops and expiry that it was refused for, and that is left out then.
        named = {code for row in log if row.action in OPENS and row.copy_no == copy_no for code in row.codes}
        if many > MOST_ATTEMPTS + len(LEFT_OUT & named):
            yield Violation("attempts", f"{follower.name}: {many} openings of copy {copy_no}")
    for row in log:
        if row.state not in OUTCOMES and row.state != "working":
            yield Violation("unsettled", f"{follower.name}: {row.action} of {row.copy_no} is {row.state} {row.reason}")


def _numbers(follower: Follower, log: list[CommandRow]) -> Iterator[Violation]:
    """From 1 and without a hole, in each epoch."""
    numbers: dict[UUID, list[int]] = defaultdict(list)
    for row in log:
        if row.seq is not None:
            numbers[row.epoch].append(row.seq)
    for seqs in numbers.values():
        if sorted(seqs) != list(range(1, len(seqs) + 1)):
            yield Violation("numbers", f"{follower.name}: {sorted(seqs)}")
    following = rows.next_seq(follower.account.pk)
    if numbers and max(max(seqs) for seqs in numbers.values()) != following - 1:
        yield Violation("numbers", f"{follower.name}: the account says {following} comes next")


def _own_log(follower: Follower) -> Iterator[Violation]:
    for terminal in follower.terminals:
        for text in terminal.faults:
            yield Violation("terminal", f"{terminal.name}: {text}")


def _lost(world: World) -> Iterator[Violation]:
    """What was acknowledged has its row; what was told has a decision of everyone who was not off."""
    accounts = [(item.name, item.account.pk, item.terminals) for item in world.followers]
    for master in world.masters:
        mine = [
            item for item in [*world.former_masters, master.terminal] if item.account is world.master_accounts[master]
        ]
        accounts.append((master.terminal.name, world.master_accounts[master].pk, mine))  # type: ignore[arg-type]
    for name, account, terminals in accounts:
        stored = rows.stored_frames(account)
        for terminal in terminals:
            for frame in terminal.stored:
                if frame.frame_id not in stored:
                    yield Violation("lost", f"{name}: {frame.kind} {frame.payload} was acknowledged and has no row")
    for sub in world.subscriptions:
        undecided = rows.undecided(sub.id, world.master_accounts[sub.master].pk)
        if undecided and not any(state == "off" for _, state in sub.states):
            yield Violation("undecided", f"{sub.follower.name}: {undecided} intents without a decision")


def _netted(world: World) -> Iterator[Violation]:
    """Who deals on a position that is copied, on an account that nets, is told to be no master that can be followed."""
    for master in world.masters:
        grown = [item.id for item in master.positions.values() if item.netted_with_copies and _is_known(item)]
        if grown and "master_netting" not in rows.open_alerts(world.master_accounts[master].pk):
            yield Violation("silent_netting", f"{master.terminal.name}: {grown}")


def _is_known(position: Position) -> bool:
    """Whether somebody could see what was dealt: by a deal on the other side, or by more lots than he told of."""
    turned = position.turned_told is not None and position.turned_told.stored_at is not None
    return turned or (position.alive and position.lots > position.lots_opened)


def _extra(world: World, watch: Watch, follower: Follower) -> Iterator[Violation]:
    for ticket in follower.broker.tickets.values():
        if watch.owner(follower, ticket.magic) is None:
            yield Violation("extra", f"{follower.name}: {ticket} belongs to no copy")


# One position of one follower ---------------------------------------------------------------------------------------


class _Copy:
    """What one follower holds of one position of his master, and what he should."""

    def __init__(self, world: World, watch: Watch, sub: Subscribed, position: Position) -> None:
        self.world, self.sub, self.position, self.follower = world, sub, position, sub.follower
        self.told: Told = rows.told(sub.id, {position.id, *position.tickets})
        self.magics = {
            magic for magic in {change.magic for change in self.follower.broker.journal} | self._numbers()
            if watch.owner(self.follower, magic) == (sub, position)
        }  # fmt: skip
        tickets = self.follower.broker.tickets.values()
        self.held = [item for item in tickets if item.magic in self.magics and not item.working]
        self.working = [item for item in tickets if item.magic in self.magics and item.working]
        self.terms = sub.terms_of(position)
        # What the terminal has told of its broker since: lots are counted by what is listed when they are.
        self.specs = [item.spec for item in self.follower.listed(sub.decided_at(position) or 0.0)]
        self.decided = size(
            self.terms, position.lots_opened, follower_balance=self.follower.balance, spec=self.specs[0]
        )
        self.name = f"{self.follower.name}, position {position.id}"

    def _numbers(self) -> set[int]:
        return {0x5A000000 | no for no in self.told.copies}

    def check(self) -> Iterator[Violation]:
        yield from self._moments()
        yield from self._alerts()
        yield from self._late()
        if self.sub.detached_at is not None and self.position.opened_at <= self.sub.detached_at:
            return
        actual = sum((item.lots for item in self.held), ZERO)
        if not self.position.alive:
            if self.held or self.working:
                yield Violation(
                    "orphan",
                    f"{self.name}: {actual} lots, {len(self.working)} orders; the master is flat. {self._story()}",
                )
            return
        opened = self._opened()
        if not opened and self.working and self.position.state == WORKING:
            yield from self._check_order()
            return
        if not opened:
            yield from self._check_missing()
            return
        yield from self._check_held(opened, actual)

    # Lots ----------------------------------------------------------------------------------------------------------

    def _opened(self) -> dict[int, Decimal]:
        """The lots that were opened under each magic number; of several positions under one, the largest."""
        by_ticket: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
        for change in self.follower.broker.journal:
            if change.magic in self.magics and change.lots > 0:
                by_ticket[change.magic, change.ticket] += change.lots
        found: dict[int, Decimal] = {}
        for (magic, _), lots in sorted(by_ticket.items()):
            found[magic] = max(lots, found.get(magic, ZERO))
        return found

    def _moments(self) -> Iterator[Violation]:
        """At no moment more than was decided at the open; nothing opened twice."""
        total, most = ZERO, ZERO
        tickets: dict[int, set[int]] = defaultdict(set)
        for change in self.follower.broker.journal:
            if change.magic in self.magics:
                total += change.lots
                most = max(most, total)
                if change.lots > 0:
                    tickets[change.magic].add(change.ticket)
        if most > self.decided:
            yield Violation("too_many_lots", f"{self.name}: {most} at once, {self.decided} decided. {self._story()}")
        for magic, numbers in tickets.items():
            if len(numbers) > 1:
                yield Violation(
                    "doubled", f"{self.name}: copy {magic & 0xFFFFFF} was opened {len(numbers)} times. {self._story()}"
                )

    def _late(self) -> Iterator[Violation]:
        """Nothing is opened at market whose signal was too old when it was told."""
        at, position = self.sub.decided_at(self.position), self.position
        if at is None or position.order_type != "market" or at - position.opened_at <= self.terms.max_age + 1:
            return
        if self._opened():
            yield Violation("late", f"{self.name}: told {at - position.opened_at:.0f} s late. {self._story()}")

    def _wanted(self, opened: dict[int, Decimal], acts: OwnActs) -> Holding:
        """Where the broker's lots have changed: what was right by any of them, and what a step leaves over."""
        position = self.position
        found = [holding(self.terms, position, opened, acts, spec) for spec in self.specs]
        if position.lots_before_more is not None:
            fewer = replace(position, lots=min(position.lots, position.lots_before_more))
            found += [holding(self.terms, fewer, opened, acts, spec) for spec in self.specs]
        if self._filled_while_paused():
            found.append(replace(found[0], least=ZERO))
        dust = max(spec.lots_step for spec in self.specs) if len(set(self.specs)) > 1 else ZERO
        least, most = min(item.least for item in found), max(item.most for item in found) + dust
        return replace(found[0], least=least, most=most)

    def _filled_while_paused(self) -> bool:
        """A pause ends working orders; one that its broker did not let go, and that fills, is closed."""
        position = self.position
        if position.order_type == "market" or position.filled_at is None:
            return False
        return self.sub.was("close_only", position.opened_at, position.filled_at + 600)

    def _check_held(self, opened: dict[int, Decimal], actual: Decimal) -> Iterator[Violation]:
        acts = OwnActs({magic: left for magic, left in self.follower.left.items() if magic in self.magics})
        wanted = self._wanted(opened, acts)
        caps = sum((min(lots, acts.left.get(magic, lots)) for magic, lots in opened.items()), ZERO)
        most = min(remaining(self.decided, self.position, self.specs[0]), caps)
        if actual > max(most, wanted.most):
            yield Violation(
                "too_much_left", f"{self.name}: holds {actual}, wanted {wanted.least} to {most}. {self._story()}"
            )
        elif actual < wanted.least:
            yield Violation(
                "too_little_left", f"{self.name}: holds {actual}, wanted {wanted.least} to {most}. {self._story()}"
            )
        short = sum(opened.values(), ZERO) < self.decided and not self._explains_short(opened)
        if short:
            yield Violation("short", f"{self.name}: opened {opened}, decided {self.decided}. {self._story()}")
        for item in self.held:
            yield from self._check_ticket(item, wanted)

    def _explains_short(self, opened: dict[int, Decimal]) -> bool:
        """Whether fewer lots than decided were opened for a reason that is known."""
        position = self.position
        moments = (position.opened_at, position.filled_at or position.opened_at)  # a pending order fills later
        if any(self.follower.trouble.between(moment, moment + 600) for moment in moments):
            return True
        # His master closed a part before all of the order had filled.
        cut_short = not self.follower.broker.cut_short.isdisjoint(self.magics)
        return cut_short or bool(self._reason()) or legs(self.decided, self.specs[0]) == 0

    def _check_ticket(self, item: Ticket, wanted: Holding) -> Iterator[Violation]:
        if item.side != wanted.side:
            yield Violation("wrong_side", f"{self.name}: {item}. {self._story()}")
        own = item.magic in self.follower.own_stops
        for what, has, should in (("sl", item.sl, wanted.sl), ("tp", item.tp, wanted.tp)):
            if has != should and not (own and should == 0):
                yield Violation("wrong_stops", f"{self.name}: {what} is {has}, wanted {should}. {self._story()}")

    def _check_order(self) -> Iterator[Violation]:
        position = self.position
        sl, tp = (position.tp, position.sl) if self.terms.reverse else (position.sl, position.tp)
        lots = sum((item.lots for item in self.working), ZERO)
        if lots != self.decided and not self._reason():
            yield Violation("wrong_order", f"{self.name}: {lots} lots work, wanted {self.decided}. {self._story()}")
        for item in self.working:
            if (item.sl, item.tp, item.price) != (sl, tp, position.price):
                yield Violation(
                    "wrong_order", f"{self.name}: {item}, wanted sl {sl} tp {tp} {position.price}. {self._story()}"
                )

    # Missing -------------------------------------------------------------------------------------------------------

    def _check_missing(self) -> Iterator[Violation]:
        if not self._reason():
            yield Violation("missing", f"{self.name}: {self.decided} wanted, nothing there. {self._story()}")

    def _reason(self) -> str:
        """The stored reason for which something is missing, if it is one that may be true."""
        told = self.position.told_open
        if told is None or told.stored_at is None:
            return "not told"
        at = self.sub.decided_at(self.position) or told.stored_at
        for code in self.told.denials:
            if self._is_plausible(code, at):
                return code
        decided = any(action in OPENS for action, _, _ in self.told.outcomes)
        if not decided and self.sub.was("off", at - 1, at + 1):
            return "off"
        for row in self.told.commands:
            if row.action in OPENS and self._ended_for_a_reason(row):
                return f"{row.state} {row.reason} {row.codes}"
        return ""

    def _is_plausible(self, code: str, at: float) -> bool:  # noqa: PLR0911 - one answer for each code
        """Whether a denial fits what happened."""
        sub, position, follower = self.sub, self.position, self.follower
        late = at - position.opened_at
        match code:
            case "subscription_close_only":
                return sub.was("close_only", at - 1, at + 1) or sub.was("close_only", position.filled_at or at, 1e9)
            case "signal_too_old":
                waited = position.filled_at is not None
                return late >= self.terms.max_age - 2 or waited
            case "already_closed":
                return not position.alive
            case "tombstoned":
                return any(magic in follower.left for magic in self.magics)
            case "symbol_not_found":
                listing = follower.listed(at)[0]
                return position.symbol + self.terms.suffix not in listing.symbols
            case "master_netting_unsupported":
                return position.netted
            case "below_minimum_lots":
                return self.decided == 0
            case "allocation_data_stale" | "allocation_data_missing":
                moments = (at, position.filled_at or at)  # a pending copy is opened at market when its master's fills
                return any(follower.trouble.between(moment - 300, moment) for moment in moments)
            case "cancel_rejected":
                return self._refused_cancels() >= MOST_ATTEMPTS
        return False

    def _refused_cancels(self) -> int:
        """How many orders to cancel the broker has refused, whenever that was: a pending order may wait for hours."""
        return sum(row.action == "cancel" and row.state == "rejected" and bool(row.codes) for row in self.told.commands)

    def _refused_to_make_room(self) -> int:
        """How often the broker refused to cancel one order of a position that has filled at the master: what fills on
        the way stays, which tells these from orders that shall end.
        """
        cancels = [row for row in self.told.commands if row.action == "cancel" and row.lots_after]
        refused = Counter(row.copy_no for row in cancels if row.state == "rejected" and row.codes)
        return max(refused.values(), default=0)

    def _ended_for_a_reason(self, row: CommandRow) -> bool:
        at = self._seconds(row.decided_at)
        if row.state == "rejected":
            return bool(row.codes) and self._is_last_word(row, at)
        if row.reason in ("subscription_close_only", "not_wanted", "cancelled"):
            return (
                self.sub.was("close_only", at - 1, 1e9)
                or self.sub.was("off", at - 1, 1e9)
                or self.position.filled_at is not None
            )
        if row.state in ("expired", "void"):
            return bool(self.follower.trouble.between(at - 120, at + self.terms.max_age + 30))
        return False

    def _seconds(self, moment: datetime) -> float:
        """On the history's clock."""
        return (moment - self.world.clock.now).total_seconds() + self.world.clock.seconds

    def _is_last_word(self, row: CommandRow, at: float) -> bool:
        """By the table of rejections: which of them end an open; for its lots or symbol, if the broker gave cause."""
        if OUR_FAULT & set(row.codes):
            near = self.follower.trouble.between(at - 60, at + self.terms.max_age + 30)
            return bool({Kind.INVALID.value, LISTED_OTHERWISE} & set(near))
        if FOR_GOOD & set(row.codes):
            return True
        if (PRICE | BUSY) & set(row.codes):
            told = self.position.told_open
            began = self.position.opened_at if told is None else told.born
            # Under a pause nothing that adds exposure is tried again, however young the signal is.
            until = began + self.terms.max_age
            paused = self.sub.was("close_only", at, until) or self.sub.was("off", at, until)
            # The refusal may have come late: its EA had no line.
            heard = self._seconds(row.reported_at or row.decided_at)
            return row.attempt >= MOST_ATTEMPTS or heard >= until - 20 or paused
        return False

    # Alerts --------------------------------------------------------------------------------------------------------

    def _alerts(self) -> Iterator[Violation]:
        alerts = rows.open_alerts(self.follower.account.pk)
        rejected = [row for row in self.told.commands if row.action in OPENS and GIVEN_UP & set(row.codes)]
        if rejected and not alerts & CODES[Fact.OPEN_REJECTED]:
            yield Violation("silent_open_rejected", f"{self.name}: {rejected[0].codes}")
        stuck = self._refused_to_make_room()
        if stuck >= MOST_ATTEMPTS and not alerts & CODES[Fact.OPEN_REJECTED]:
            yield Violation("silent_open_rejected", f"{self.name}: {stuck} orders to cancel were refused")
        opened = self._opened()
        # Another order may stand in for a pending one that was refused.
        latest = {row.copy_no: row for row in self.told.commands if row.action == "open"}
        never = {no: row for no, row in latest.items() if row.state == "rejected"}
        lacking = [row for no, row in never.items() if 0x5A000000 | (no or 0) not in opened]
        if lacking and opened and not alerts & CODES[Fact.OPEN_REJECTED]:
            yield Violation("silent_open_rejected", f"{self.name}: {lacking[0]}")
        short = [item for item in self.held if self.position.alive and item.lots < item.wanted]
        if short and not alerts & CODES[Fact.UNDER_FILLED]:
            yield Violation("silent_under_filled", f"{self.name}: {short}")

    def _story(self) -> str:
        copies = {no: f"{state} {self.told.causes[no]}".strip() for no, state in self.told.copies.items()}
        return f"[{' '.join(':'.join(part for part in item if part) for item in self.told.outcomes)}; copies {copies}]"
