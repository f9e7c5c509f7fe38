"""Compare what a follower's terminal holds with what we believe it holds.

Two things come of it. *Facts* are what the book proves and our rows do not know yet: a position with our magic number,
a command of doubtful outcome that was or was not executed, a copy that is gone. They are taken over like reports of the
EA. *Differences* are what remains. Facts are applied before anything is compared, so that the same book again says
nothing new. A copy about which something newer than the book is known is not looked at; nor is one compared that has
commands on their way.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from orders.domain.copies.report_effects import CopyFacts, outcome
from orders.domain.reconciliation.books import Book, Held
from orders.domain.reconciliation.inference import adoption, clear_up, gone, shown, taken_off
from orders.domain.states.commands import SENDABLE, UNFINISHED, CommandState
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.reasons import CloseCause
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderType, Side
from orders.domain.wire.reports import ExecutionReport
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from sessions_app.domain.decimals import plain

_NONE = Decimal(0)
NOTHING: Final = "nothing"
RANK: Final = {severity: rank for rank, severity in enumerate(reversed(DifferenceSeverity))}


@dataclass(frozen=True, slots=True)
class Issued:
    """A command of a copy. `absent_from`: from then on the absence of its effect means that it was not executed.
    `fills_until`: how long it may take to fill in parts, once it has begun to.
    `ticket`: the second position with the copy's magic number that it is about; None for the copy itself.
    """

    id: UUID
    action: Action
    state: CommandState
    attempt: int = 1
    lots_after: Decimal = _NONE
    sl: Decimal = _NONE
    tp: Decimal = _NONE
    price: Decimal | None = None
    since: datetime | None = None
    absent_from: datetime | None = None
    fills_until: datetime | None = None
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy as we believe it to be, and its commands in their order.

    `newer`: something was reported about it after the book was read. `ahead`: it has commands that the book does not
    know yet. `held`: it was missing before, and waits for a person. `kept`: a person has said that its absence does not
    mean that it is gone.
    """

    id: UUID
    copy_no: int
    symbol: str
    side: Side
    since: datetime
    facts: CopyFacts
    order_type: OrderType = OrderType.MARKET
    sl: Decimal = _NONE
    tp: Decimal = _NONE
    price: Decimal | None = None
    commands: Sequence[Issued] = ()
    newer: bool = False
    ahead: bool = False
    held: bool = False
    kept: bool = False

    @property
    def alive(self) -> bool:
        """Whether the broker must have it, as far as we know."""
        return self.facts.state in (CopyState.OPEN, CopyState.WORKING)

    @property
    def sent(self) -> bool:
        """Whether a command is on its way to it."""
        return any(row.state in SENDABLE for row in self.commands if row.ticket is None)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the book proves, as the report that the EA would have sent. `name` tells it from every other one."""

    name: str
    copy_no: int
    report: ExecutionReport
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One disagreement. `adopted`: our books follow the terminal's. `held`: they will not before a person says so.

    `item`: what a repair would act on; None where nothing may be ordered. `beside`: it stands beside the copy, with the
    same magic number, so that only its ticket names it.
    """

    kind: DifferenceKind
    severity: DifferenceSeverity
    symbol: str
    expected: str
    actual: str
    copy_no: int | None = None
    ticket: int | None = None
    adopted: bool = False
    held: bool = False
    item: Held | None = None
    beside: bool = False

    @property
    def subject(self) -> str:
        """What it is about: with its kind, the name of the difference from one snapshot to the next."""
        of_ticket = self.copy_no is None or self.kind is DifferenceKind.EXTRA
        return f"ticket {self.ticket}" if of_ticket else f"copy {self.copy_no}"


@dataclass(slots=True)
class Comparison:
    """What one book says.

    `unseen`: the copies it was not compared for, so that it says nothing about them. `incomplete`: it may lack what is
    there, so that absence in it proves nothing.
    """

    facts: list[Fact] = field(default_factory=list)
    differences: list[Found] = field(default_factory=list)
    unseen: set[int] = field(default_factory=set)
    incomplete: bool = False


def reconcile(
    book: Book, copies: Sequence[Copied], *, known_tickets: Collection[int] = (), gate: int = 5
) -> Comparison:
    """Compare a book with the copies of its account.

    `known_tickets`: the account's own trades as a master. More than `gate` copies gone at once are held for a person,
    and so is every other one until that is settled.
    """
    comparison = Comparison(incomplete=_is_incomplete(book, copies, gate))
    ours: dict[int, list[Held]] = {}
    for item in book.held:
        if item.copy_no is not None:
            ours.setdefault(item.copy_no, []).append(item)
        elif item.ticket not in known_tickets:
            comparison.differences.append(_foreign(item))
    for copied in copies:
        _look_at(copied, ours.pop(copied.copy_no, []), book, comparison)
    comparison.differences += [_extra(item, "no such copy") for items in ours.values() for item in items]
    # The worst first, because the terminal is told only the first of them.
    comparison.differences.sort(key=lambda found: RANK[found.severity])
    return comparison


def _is_incomplete(book: Book, copies: Sequence[Copied], gate: int) -> bool:
    """Whether it lacks more copies than may have ended unseen, or one that waits for a person.

    What may have ended by a command on its way is not counted.
    """
    shown = {item.copy_no for item in book.held}
    absent = [copied for copied in copies if copied.alive and copied.copy_no not in shown]
    # What a report or a command on its way explains is not missing.
    unexplained = [copied for copied in absent if not (copied.newer or copied.ahead or copied.sent)]
    return len(unexplained) > gate or any(copied.held or copied.kept for copied in absent)


def _look_at(copied: Copied, items: Sequence[Held], book: Book, comparison: Comparison) -> None:
    # The book is older than what we were told since.
    if copied.newer:
        comparison.unseen.add(copied.copy_no)
        return
    item = _main(copied, items)
    facts, busy = _clear_doubts(copied, item, book, comparison)
    _clear_tickets(copied, items, book, comparison)
    facts, adopted = _adopt(copied, facts, item, book, comparison)
    own = [row for row in copied.commands if row.ticket is None]
    waiting = [row for row in own if row.state in UNFINISHED and row.id not in adopted]
    # What is on its way changes what the book would be compared with.
    if busy or copied.ahead or any(row.state is not CommandState.UNKNOWN for row in waiting):
        comparison.unseen.add(copied.copy_no)
        return
    # A line that could not be read may be this one.
    if item is None and book.incomplete:
        comparison.unseen.add(copied.copy_no)
        return
    if item is None and comparison.incomplete and facts.state in ALIVE:
        comparison.unseen.add(copied.copy_no)  # it is missing: whatever else was found stands
    _compare(replace(copied, facts=facts), item, book, comparison)
    ticket = None if item is None else item.ticket
    known = copied.alive and item is not None and ticket == copied.facts.ticket
    comparison.differences += [_beside(other, known=known) for other in items if other.ticket != ticket]


def _main(copied: Copied, items: Sequence[Held]) -> Held | None:
    """The copy's own ticket, else the oldest one with its magic number."""
    # Two positions may carry one number, after a timeout that filled: the one that we know is the copy.
    own = [item for item in items if item.ticket == copied.facts.ticket]
    item = own[0] if own else min(items, key=lambda item: item.ticket, default=None)
    if item is None or item.working:
        return item
    return replace(item, filling=any(other.working for other in items))


def _clear_doubts(copied: Copied, item: Held | None, book: Book, comparison: Comparison) -> tuple[CopyFacts, bool]:
    """The copy after its doubtful commands were cleared up as far as the book can; whether one is on its way still.

    While an open is in doubt, nothing is known of what was ordered behind it. What only its absence could clear up, in
    an incomplete book, waits for a person together with the copy.
    """
    facts, busy, opening, anew = copied.facts, False, False, False
    believed = item is not None or not (comparison.incomplete or book.incomplete)
    for command in copied.commands:
        if command.state is not CommandState.UNKNOWN or command.ticket is not None:
            continue
        # Before that moment the other terminal may still execute it.
        due = command.absent_from is not None and book.taken_at >= command.absent_from
        counts = due and believed and not opening
        if command.action in ADDS_EXPOSURE:  # it may have been opened and have ended already: then the history tells
            counts = counts and book.covers(command.since or copied.since)
        report = clear_up(
            command.action,
            command,
            item,
            copied.copy_no,
            taken_at=book.taken_at,
            absence_counts=counts,
            opens_anew=anew,
        )
        if report is None:
            busy, opening = busy or believed or not due, opening or command.action in ADDS_EXPOSURE
            continue
        if report.found is False:
            busy, anew = True, anew or (command.action in ADDS_EXPOSURE and facts.lots_decided > 0)
        facts = outcome(facts, command.action, report)
        comparison.facts.append(Fact(f"{command.id} {command.attempt} {report.status}", copied.copy_no, report))
    return facts, busy


def _adopt(
    copied: Copied, facts: CopyFacts, item: Held | None, book: Book, comparison: Comparison
) -> tuple[CopyFacts, frozenset[UUID]]:
    """A position with our magic number whose fill nobody has reported yet becomes the copy of its command."""
    opening = next((row for row in reversed(copied.commands) if row.action in ADDS_EXPOSURE), None)
    if item is None or opening is None or opening.state is CommandState.UNKNOWN:
        return facts, frozenset()
    report = adoption(facts, opening, item, copied.copy_no, book.taken_at)
    if report is None:
        return facts, frozenset()
    comparison.facts.append(Fact(f"{opening.id} {opening.attempt} {report.status}", copied.copy_no, report))
    return outcome(facts, opening.action, report), frozenset({opening.id})


def _clear_tickets(copied: Copied, items: Sequence[Held], book: Book, comparison: Comparison) -> None:
    """What became of a doubtful close of a second position: its ticket tells, and nothing of it is the copy's."""
    for command in copied.commands:
        if command.state is not CommandState.UNKNOWN or command.ticket is None:
            continue
        due = command.absent_from is not None and book.taken_at >= command.absent_from
        item = next((one for one in items if one.ticket == command.ticket), None)
        counts = due and not (comparison.incomplete or book.incomplete)
        report = clear_up(command.action, command, item, copied.copy_no, taken_at=book.taken_at, absence_counts=counts)
        if report is not None:
            comparison.facts.append(Fact(f"{command.id} {command.attempt} {report.status}", copied.copy_no, report))


# Comparing --------------------------------------------------------------------------------------------------


def _compare(copied: Copied, item: Held | None, book: Book, comparison: Comparison) -> None:
    state = copied.facts.state
    if item is None:
        if copied.alive:
            _absent(copied, book, comparison)
    elif copied.facts.close_cause == CloseCause.DETACHED:
        comparison.differences.append(_foreign(item))  # the follower's own affair: never repaired
    elif copied.facts.close_cause == CloseCause.GONE and item.ticket == copied.facts.ticket:
        report = shown(item, copied.copy_no)
        comparison.facts.append(Fact(f"shown {copied.id} {book.taken_at}", copied.copy_no, report))
        after = outcome(copied.facts, None, report)
        _present(replace(copied, facts=after), item, comparison)
    elif state in (CopyState.CLOSED, CopyState.FAILED):
        comparison.differences.append(_extra(item, f"copy {state}"))
    elif copied.alive:
        _present(copied, item, comparison)


def _absent(copied: Copied, book: Book, comparison: Comparison) -> None:
    """It is gone and our rows follow, unless a person has said otherwise, or has to be asked."""
    missing = _missing(copied, DifferenceSeverity.MAJOR)
    if not copied.kept and comparison.incomplete:
        missing = replace(missing, severity=DifferenceSeverity.CRITICAL, held=True)
    elif not copied.kept and book.covers(copied.since):
        report = gone(copied.facts, copied.copy_no)
        comparison.facts.append(
            Fact(f"gone {copied.id} {book.taken_at}", copied.copy_no, report, cause=CloseCause.GONE)
        )
        missing = replace(missing, adopted=True)
    comparison.differences.append(missing)


def _present(copied: Copied, item: Held, comparison: Comparison) -> None:
    if item.side is not copied.side:
        comparison.differences.append(
            _about(copied, item, DifferenceKind.WRONG_SIDE, DifferenceSeverity.CRITICAL, copied.side, item.side)
        )
        return
    _compare_lots(copied, item, comparison)
    # A filled order has its own price; only a working one should stand where we put it.
    moved = item.working and copied.price is not None and item.price != copied.price
    if moved or (item.sl, item.tp) != (copied.sl, copied.tp):
        # Without its stop a position can lose everything: that is worse than a stop elsewhere.
        bare = copied.sl > 0 and item.sl == 0
        severity = DifferenceSeverity.MAJOR if bare or moved else DifferenceSeverity.MINOR
        expected, actual = (_levels(row, priced=moved) for row in (copied, item))
        comparison.differences.append(_about(copied, item, DifferenceKind.STOPS_DRIFT, severity, expected, actual))


def _compare_lots(copied: Copied, item: Held, comparison: Comparison) -> None:
    """Lots that were taken off, and tickets that changed with them, are facts; more than we ordered is a difference."""
    # Nothing of a working order is open yet, and no broker changes its lots.
    if copied.facts.state is CopyState.WORKING:
        return
    ours = copied.facts.lots_open
    report = taken_off(copied.facts, item, copied.copy_no)
    if report is not None:
        name = f"taken off {copied.id} {plain(item.lots)} {item.ticket}"
        comparison.facts.append(Fact(name, copied.copy_no, report))
    if ours <= item.lots <= copied.facts.lots_most:
        return
    # Fewer lots are a fact: somebody has closed a part, and our row follows.
    less = item.lots < ours
    severity = DifferenceSeverity.MINOR if less else DifferenceSeverity.MAJOR
    expected = plain(ours if less else copied.facts.lots_most)
    found = _about(copied, item, DifferenceKind.WRONG_LOTS, severity, expected, plain(item.lots))
    comparison.differences.append(replace(found, adopted=less))


def _about(
    copied: Copied, item: Held, kind: DifferenceKind, severity: DifferenceSeverity, expected: str, actual: str
) -> Found:
    return Found(
        kind=kind,
        severity=severity,
        symbol=copied.symbol,
        expected=str(expected),
        actual=str(actual),
        copy_no=copied.copy_no,
        ticket=item.ticket,
        item=item,
    )


def _missing(copied: Copied, severity: DifferenceSeverity) -> Found:
    lots = copied.facts.lots_open or copied.facts.lots_decided
    return Found(
        kind=DifferenceKind.MISSING,
        severity=severity,
        symbol=copied.symbol,
        expected=f"{copied.side} {plain(lots)}",
        actual=NOTHING,
        copy_no=copied.copy_no,
        ticket=copied.facts.ticket,
    )


def _extra(item: Held, expected: str) -> Found:
    """Ours by its magic number, and no living copy of ours."""
    return Found(
        kind=DifferenceKind.EXTRA,
        severity=DifferenceSeverity.CRITICAL,
        symbol=item.symbol,
        expected=expected,
        actual=f"{item.side} {plain(item.lots)}",
        copy_no=item.copy_no,
        ticket=item.ticket,
        item=item,
    )


def _beside(item: Held, *, known: bool) -> Found:
    """A second position with one copy's magic number: a command by that number could hit the copy itself.

    `known`: the copy stands there under the ticket that we know, so that this one is not the copy.
    """
    return replace(_extra(item, "one position"), item=item if known else None, beside=True)


def _foreign(item: Held) -> Found:
    return Found(
        kind=DifferenceKind.FOREIGN,
        severity=DifferenceSeverity.OK,
        symbol=item.symbol,
        expected=NOTHING,
        actual=f"{item.side} {plain(item.lots)}",
        ticket=item.ticket,
        item=item,
    )


def _levels(row: Copied | Held, *, priced: bool) -> str:
    price = f"price {plain(row.price or _NONE)} " if priced else ""
    return f"{price}sl {plain(row.sl)} tp {plain(row.tp)}"
