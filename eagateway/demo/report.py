"""The demo's report: what the rows, the books and the recording's printed statement say about one replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from eagateway_sdk.paper import Book, Recording
from eagateway_sdk.paper.terminal import copy_no_of

from eagateway.demo import rows
from eagateway.demo.checker import Booked, Findings, Follower, Standing, check
from eagateway.demo.replay import Played
from eagateway.demo.stage import FollowerSeat, Stage

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Report:
    """The report as JSON, and the sentences behind its `lost` and `duplicated`."""

    content: Mapping[str, Any]
    findings: Findings

    @property
    def exit_status(self) -> int:
        """2 for a broken recording; 1 when something was lost, duplicated, or a printed figure differs; else 0."""
        if self.content["error"] is not None:
            return 2
        differs = any(not figure["equal"] for figure in self.content["figures"])
        return 1 if self.content["lost"] or self.content["duplicated"] or differs else 0


def build(*, stage: Stage, recording: Recording, played: Played, seconds: float) -> Report:
    """Compare and count everything, after the replay has settled."""
    activated = frozenset(stage.mirrored.book.activated)
    followers = [_follower(seat, activated) for seat in stage.followers]
    findings = check(undecided=rows.undecided(played.sent), followers=followers)
    printed = (recording.printed or {}).get("printed", recording.printed) if not played.error else None
    content = {
        "recording": recording.name,
        "transport": stage.transport,
        **rows.counts(),
        "lost": len(findings.lost),
        "duplicated": len(findings.duplicated),
        "restarts": played.restarts,
        "latency_ms": rows.latencies(),
        "figures": rows.compare_figures(stage.mirrored.part.account_id, printed),
        "books": stage.books(),
        "error": played.error,
        "seconds": round(seconds, 1),
    }
    return Report(content=content, findings=findings)


def broken(recording: str, error: str, *, transport: str) -> dict[str, Any]:
    """The report of a recording that could not even be opened."""
    return {
        "recording": recording,
        "transport": transport,
        "intents": 0,
        "decisions": 0,
        "commands": 0,
        "fills": 0,
        "denied": {},
        "expired": 0,
        "lost": 0,
        "duplicated": 0,
        "restarts": 0,
        "latency_ms": {},
        "figures": [],
        "books": {},
        "error": error,
        "seconds": 0.0,
    }


def _follower(seat: FollowerSeat, activated: frozenset[int]) -> Follower:
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
