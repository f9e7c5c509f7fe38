"""The demo's report: what the rows, the books and the recording's printed statement say about one replay.

Two checks are made, apart from each other. `checker` compares the books with what the gateway says it decided: `lost`,
`duplicated`. `verdict` compares them with what follows from the recording alone: `wrong`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from eagateway_sdk.paper import Book, Recording
from eagateway_sdk.paper.terminal import copy_no_of

from eagateway.demo import rows
from eagateway.demo.checker import Booked, Findings, Follower, Standing, check
from eagateway.demo.expectation import Clock, expect, positions
from eagateway.demo.replay import Played
from eagateway.demo.stage import Seat, Stage, name_of
from eagateway.demo.verdict import Judge

FAULTS: Final = ("lost", "duplicated", "wrong")
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Report:
    """The report as JSON, and the sentences behind its `lost`, `duplicated` and `wrong`."""

    content: Mapping[str, Any]
    findings: Findings
    wrong: Sequence[str]

    @property
    def exit_status(self) -> int:
        """2 for a broken recording; 1 if a thing is lost, duplicated or wrong, or a printed figure differs; else 0."""
        if self.content["error"] is not None:
            return 2
        differs = any(not figure["equal"] for figure in self.content["figures"])
        return 1 if differs or any(self.content[name] for name in FAULTS) else 0


def build(*, stage: Stage, recording: Recording, played: Played, seconds: float) -> Report:
    """Compare and count everything, after the replay has settled."""
    activated = frozenset(stage.followers[0].book.activated)
    followers = [_follower(seat, activated) for seat in stage.followers]
    findings = check(undecided=_undecided(stage), followers=followers)
    wrong = judge(stage, recording, played)
    printed = (recording.printed or {}).get("printed", recording.printed) if not played.error else None
    content = {
        "recording": recording.name,
        "transport": stage.transport,
        **rows.counts(),
        "lost": len(findings.lost),
        "duplicated": len(findings.duplicated),
        "wrong": len(wrong),
        "findings": [*findings.lost, *findings.duplicated, *wrong],
        "restarts": played.restarts,
        "terminal": stage.terminal,
        "platform": stage.platform,
        "terminals_killed": played.terminals,
        "latency_ms": rows.latencies(),
        "figures": rows.compare_figures(stage.followers[0].part.account_id, printed),
        "books": {seat.part.account_id: seat.book.snapshot() for seat in (stage.master, *stage.followers)},
        "error": played.error,
        "seconds": round(seconds, 1),
    }
    return Report(content=content, findings=findings, wrong=wrong)


def _undecided(stage: Stage) -> list[str]:
    """The master's events without a decision. What a program tells by itself is known by what it says."""
    told = stage.told()
    if stage.terminal == "sdk":
        return rows.undecided(told.sent)
    found = rows.told(stage.master.part.account_id, [(name_of(event), event) for event in told.seen])
    return [*found.missing, *rows.undecided(found.sent)]


def judge(stage: Stage, recording: Recording, played: Played) -> list[str]:
    """What is wrong in the followers' books, measured by what the recording alone makes of them."""
    masters = positions(played.told)
    late = stage.followers[-1]
    moments = {seat.part.account_id: played.approved if seat is late else None for seat in stage.followers}
    lag = max((_lag(seat, played, moments[seat.part.account_id]) for seat in stage.followers), default=0.0)
    found: list[str] = []
    for seat in stage.followers:
        clock = Clock(lag, moments[seat.part.account_id])
        expected = expect(seat.part, recording.account, masters, clock)
        found += Judge(f"{seat.part.account_id} ({seat.part.name})", lag).judge(expected, seat.book)
    return found


def _lag(seat: Seat, played: Played, approved: tuple[float, float] | None) -> float:
    """The longest that an opening took from the master's event, or the approval, to this book, in seconds."""
    told: dict[int, float] = {}
    for one in played.told:
        told.setdefault(one.event.ticket, one.at if approved is None else max(one.at, approved[1]))
    return max((at - told[position] for position, at in seat.opened.items() if position in told), default=0.0)


def broken(recording: str, error: str, *, transport: str, terminal: str, platform: str) -> dict[str, Any]:
    """The report of a recording that could not even be opened."""
    return {
        "recording": recording,
        "transport": transport,
        "intents": 0,
        "decisions": 0,
        "commands": 0,
        "fills": 0,
        "denied": {},
        "cut": 0,
        "expired": 0,
        "lost": 0,
        "duplicated": 0,
        "wrong": 0,
        "findings": [],
        "restarts": 0,
        "terminal": terminal,
        "platform": platform,
        "terminals_killed": 0,
        "latency_ms": {},
        "figures": [],
        "books": {},
        "error": error,
        "seconds": 0.0,
    }


def _follower(seat: Seat, activated: frozenset[int]) -> Follower:
    return Follower(
        name=seat.part.name,
        ordered=rows.ordered(seat.part.account_id),
        booked=[
            Booked(
                copy_no=entry.copy_no,
                position_id=entry.position_id,
                action=entry.action,
                lots_before=entry.lots_before,
                lots_after=entry.lots_after,
                sl=entry.sl,
                tp=entry.tp,
            )
            for entry in seat.book.journal
        ],
        standing=_standing(seat.book),
        activated=activated,
    )


def _standing(book: Book) -> dict[int, Standing]:
    """What a book holds, by copy number. A second order under one number shows as its lots added."""
    found: dict[int, Standing] = {}
    held = [(order, True) for order in book.working.values()] + [(order, False) for order in book.open.values()]
    for order, working in held:
        copy_no = copy_no_of(order.magic)
        if copy_no is None:
            continue
        lots = found[copy_no].lots if copy_no in found else _NONE
        found[copy_no] = Standing(working, lots + order.lots, order.sl, order.tp)
    return found
