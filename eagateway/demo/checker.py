"""The demo's book-keeping check: what the decisions say against what the terminals' own books hold.

Pure: rows and books come in as values. `lost` counts a master's event without a decision, a decided copy without an
outcome, and every difference in lots, stops or working orders, at each close and at the end. `duplicated` counts copies
opened more than once, and positions with more legs than were decided.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

_NONE = Decimal(0)
OPENS = frozenset({"open", "place"})
CLOSES = frozenset({"close", "partial_close", "cancel"})
DEAD = frozenset({"rejected", "expired", "void"})
WAITING = frozenset({"held", "queued", "received", "unknown"})


@dataclass(frozen=True, slots=True)
class Ordered:
    """One command row, in the order of its follower's log. A pending order that a later command removed is `done`."""

    copy_no: int | None
    position_id: int
    action: str
    state: str
    lots_after: Decimal
    sl: Decimal
    tp: Decimal

    @property
    def spares(self) -> bool:
        """A cancel that found a filled order and left it alone: no broker books anything for it."""
        return self.action == "cancel" and self.lots_after > 0


@dataclass(frozen=True, slots=True)
class Booked:
    """One order in a follower's own book: what was there before it, and what it left."""

    copy_no: int | None
    position_id: int | None
    action: str
    lots_before: Decimal
    lots_after: Decimal
    sl: Decimal
    tp: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """A copy as it stands, decided or booked: a position, or a working order."""

    working: bool
    lots: Decimal
    sl: Decimal
    tp: Decimal


@dataclass(frozen=True, slots=True)
class Follower:
    """One follower's rows and book."""

    name: str
    ordered: Sequence[Ordered]
    booked: Sequence[Booked]
    standing: Mapping[int, Standing]
    activated: frozenset[int]


@dataclass(slots=True)
class Findings:
    """What is wrong, as sentences; their number is what the report shows."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)


def check(*, undecided: Iterable[str], followers: Iterable[Follower]) -> Findings:
    """Compare all followers; `undecided`: the master's events that have no decision for a subscription."""
    findings = Findings(lost=[f"no decision: {event}" for event in undecided])
    for follower in followers:
        _check_outcomes(follower, findings)
        _check_closes(follower, findings)
        _check_end(follower, findings)
        _check_duplicates(follower, findings)
    return findings


def _check_outcomes(follower: Follower, findings: Findings) -> None:
    opened = {row.copy_no for row in follower.booked if row.action in OPENS}
    for row in follower.ordered:
        what = f"{follower.name}: {row.action} of position {row.position_id}"
        if row.state in WAITING:
            findings.lost.append(f"{what} has no outcome ({row.state})")
        elif row.action in OPENS and row.state not in DEAD and row.copy_no not in opened:
            findings.lost.append(f"{what} is reported {row.state}, the book has no such order")


def _check_closes(follower: Follower, findings: Findings) -> None:
    """At every close, the book before it is what the decisions before it lead to."""
    books: dict[int, list[Booked]] = defaultdict(list)
    for row in follower.booked:
        if row.copy_no is not None and row.action in CLOSES:
            books[row.copy_no].append(row)
    for copy_no, states in _decided_closes(follower).items():
        for decided, booked in zip(states, books.get(copy_no, []), strict=False):
            found = Standing(decided.working, booked.lots_before, booked.sl, booked.tp)
            if found != decided:
                what = f"{follower.name}: copy {copy_no} of position {booked.position_id} before its {booked.action}"
                findings.lost.append(f"{what}: decided {_text(decided)}, booked {_text(found)}")
        if len(states) != len(books.get(copy_no, [])):
            findings.lost.append(
                f"{follower.name}: copy {copy_no}: {len(states)} closes decided, {len(books.get(copy_no, []))} booked"
            )


def _decided_closes(follower: Follower) -> dict[int, list[Standing]]:
    """For each copy, what every executed close should have found."""
    found: dict[int, list[Standing]] = defaultdict(list)
    standing: dict[int, Standing] = {}
    for row in follower.ordered:
        if row.copy_no is None or row.state in DEAD:
            continue
        before = standing.get(row.copy_no)
        if before is not None and row.action in CLOSES and not row.spares:
            found[row.copy_no].append(replace(before, working=False))
        after = _after(before, row)
        if after is None:
            standing.pop(row.copy_no, None)
        else:
            standing[row.copy_no] = after
    return found


def _after(before: Standing | None, row: Ordered) -> Standing | None:
    """A copy after one command, if the broker did what it says."""
    if row.action in OPENS:
        return Standing(row.action == "place", row.lots_after, row.sl, row.tp)
    if before is None:
        return None
    if row.action == "modify":
        return replace(before, sl=row.sl, tp=row.tp)
    return replace(before, lots=row.lots_after) if row.lots_after > 0 else None


def _check_end(follower: Follower, findings: Findings) -> None:
    decided = _decided_end(follower)
    for copy_no in sorted(decided.keys() | follower.standing.keys()):
        ours, theirs = decided.get(copy_no), follower.standing.get(copy_no)
        if ours != theirs:
            findings.lost.append(
                f"{follower.name}: copy {copy_no} at the end: decided {_text(ours)}, booked {_text(theirs)}"
            )


def _decided_end(follower: Follower) -> dict[int, Standing]:
    standing: dict[int, Standing] = {}
    for row in follower.ordered:
        if row.copy_no is None or row.state in DEAD:
            continue
        after = _after(standing.get(row.copy_no), row)
        if after is None:
            standing.pop(row.copy_no, None)
        else:
            standing[row.copy_no] = replace(after, working=after.working and row.position_id not in follower.activated)
    return standing


def _check_duplicates(follower: Follower, findings: Findings) -> None:
    openings = Counter(row.copy_no for row in follower.booked if row.action in OPENS and row.copy_no is not None)
    for copy_no, times in sorted(openings.items()):
        if times > 1:
            findings.duplicated.append(f"{follower.name}: copy {copy_no} was opened {times} times")
    decided = _legs((row.position_id, row.copy_no) for row in follower.ordered if row.action in OPENS)
    booked = _legs((row.position_id or 0, row.copy_no) for row in follower.booked if row.action in OPENS)
    for position_id, legs in sorted(booked.items()):
        if len(legs) > len(decided.get(position_id, ())):
            findings.duplicated.append(
                f"{follower.name}: position {position_id} has {len(legs)} legs, more than decided"
            )


def _legs(pairs: Iterable[tuple[int, int | None]]) -> dict[int, set[int | None]]:
    found: dict[int, set[int | None]] = defaultdict(set)
    for position_id, copy_no in pairs:
        found[position_id].add(copy_no)
    return found


def _text(standing: Standing | None) -> str:
    if standing is None:
        return "nothing"
    kind = "working" if standing.working else "open"
    return f"{kind} {standing.lots} lots, sl {standing.sl}, tp {standing.tp}"
