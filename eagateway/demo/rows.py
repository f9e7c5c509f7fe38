"""What the demo reads of the gateway's rows: progress while it runs, and the figures of its report at the end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any, Final
from uuid import UUID

from django.db.models import Count
from eagateway_sdk.paper import Event

from eagateway.demo.checker import Ordered
from orders import queries
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import UNFINISHED, CommandState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action
from orders.domain.wire.reports import ReportStatus
from orders.models import Command, Decision, Intent, Report, Subscription
from sessions_app.models import BrokerAccount

HOPS: Final[Mapping[str, tuple[str, str]]] = {
    "occurred to received": ("occurred_at", "received_at"),
    "received to decided": ("received_at", "decided_at"),
    "decided to committed": ("decided_at", "committed_at"),
    "committed to pushed": ("committed_at", "pushed_at"),
    "pushed to acknowledged": ("pushed_at", "acked_at"),
    "pushed to broker start": ("pushed_at", "broker_started_at"),
    "broker start to done": ("broker_started_at", "broker_done_at"),
    "broker done to reported": ("broker_done_at", "reported_at"),
    "received to pushed": ("received_at", "pushed_at"),
    "occurred to reported": ("occurred_at", "reported_at"),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the gateway is."""

    decisions: int
    commands: int
    unfinished: int
    held: int


def progress() -> Progress:
    """Counts by state, in two reads."""
    states = dict(Command.objects.values_list("state").annotate(Count("id")))
    return Progress(
        decisions=Decision.objects.count(),
        commands=sum(states.values()),
        unfinished=sum(states.get(state.value, 0) for state in UNFINISHED),
        held=states.get(CommandState.HELD.value, 0),
    )


class Unfinished:
    """Counts the numbered commands without an outcome: looks at what was unfinished last time, and at what is newer.

    Held commands are older than their release: `forget()` then.
    """

    def __init__(self) -> None:
        self._floor: UUID | None = None

    def forget(self) -> None:
        """Look at everything again next time."""
        self._floor = None

    def count(self) -> int:
        rows = Command.objects.order_by("id")
        if self._floor is not None:
            rows = rows.filter(id__gte=self._floor)
        waiting = list(rows.filter(state__in=[state.value for state in UNFINISHED]).values_list("id", flat=True))
        newest = rows.values_list("id", flat=True).last()
        self._floor = waiting[0] if waiting else newest
        return len(waiting)


def counts() -> dict[str, Any]:
    """The report's counts."""
    denied = Decision.objects.filter(outcome=Outcome.DENIED).values_list("code").annotate(Count("id")).order_by("code")
    expired = Command.objects.filter(state=CommandState.EXPIRED) | Command.objects.filter(reason="missed")
    return {
        "intents": Intent.objects.filter(repeated=False).count(),
        "decisions": Decision.objects.count(),
        "commands": Command.objects.count(),
        "fills": Report.objects.filter(status=ReportStatus.FILLED, repeated=False).count(),
        "denied": dict(denied),
        "cut": _cut(),
        "expired": expired.count(),
    }


def _cut() -> int:
    """The openings that `max_lots` has reduced, by what their decisions say of the rounding."""
    opening = Decision.objects.filter(outcome=Outcome.COPIED, intent__action__in=[Action.OPEN, Action.PLACE])
    return sum(any(map(_was_cut, steps)) for steps in opening.values_list("steps", flat=True))


def _was_cut(step: Mapping[str, Any]) -> bool:
    if step["step"] != "rounding" or step.get("max_lots") is None:
        return False
    return Decimal(step["exact"]) > Decimal(step["max_lots"])


@dataclass(frozen=True, slots=True)
class Found:
    """The master's events by the frames that told them, and those that no frame has told."""

    sent: Mapping[UUID, str]
    missing: Sequence[str]


def told(account_id: str, events: Iterable[tuple[str, Event]]) -> Found:
    """Which intents tell these events: the same action on the same ticket, in their order. Each event has a name."""
    known: dict[tuple[str, int], list[UUID]] = defaultdict(list)
    intents = Intent.objects.filter(account__account_id=account_id.lower(), repeated=False).order_by("id")
    for action, ticket, frame_id in intents.values_list("action", "ticket", "frame_id"):
        known[action, ticket].append(frame_id)
    sent, missing = {}, []
    for name, event in events:
        frames = known[event.ev, event.ticket]
        if frames:
            sent[frames.pop(0)] = name
        else:
            missing.append(f"not told: {name}")
    for (action, ticket), left in known.items():
        missing += [f"told, and nothing happened: {action} of ticket {ticket}" for _ in left]
    return Found(sent, missing)


def undecided(sent: Mapping[UUID, str]) -> list[str]:
    """The master's events, by frame id, that lack a decision for a subscription that is not off."""
    subscriptions = set(Subscription.objects.exclude(state=SubscriptionState.OFF).values_list("id", flat=True))
    decided: dict[UUID, set[UUID]] = {}
    for frame_id, subscription in Decision.objects.values_list("intent__frame_id", "subscription_id"):
        decided.setdefault(frame_id, set()).add(subscription)
    repeated = set(Intent.objects.filter(repeated=True).values_list("frame_id", flat=True))
    return [
        event
        for frame_id, event in sent.items()
        if frame_id in repeated or not subscriptions <= decided.get(frame_id, set())
    ]


def ordered(account_id: str) -> list[Ordered]:
    """A follower's commands in the order of its log; what never got a number comes in the order it was held."""
    rows = list(Command.objects.select_related("copy").filter(account__account_id=account_id.lower()))
    cancelled = _cancelled({row.id for row in rows if row.action == Action.CANCEL})
    return [
        _ordered(row, cancelled=row.id in cancelled)
        for row in sorted(rows, key=lambda row: (row.seq or 0, row.hold_no or 0))
    ]


def _cancelled(commands: set[UUID]) -> set[UUID]:
    """The cancels that found a working order, as their terminals reported."""
    reports = Report.objects.filter(command__in=commands, status=ReportStatus.CANCELLED)
    return set(reports.values_list("command_id", flat=True))


def _ordered(row: Command, *, cancelled: bool) -> Ordered:
    removed = row.state == CommandState.VOID and row.reason == "cancelled"
    return Ordered(
        copy_no=row.copy.copy_no,
        position_id=row.position_id,
        action=row.action,
        state=CommandState.DONE.value if removed else row.state,
        lots_after=Decimal(0) if cancelled else row.lots_after or Decimal(0),
        sl=row.sl or Decimal(0),
        tp=row.tp or Decimal(0),
    )


def latencies() -> dict[str, dict[str, float]]:
    """Percentiles of every hop in milliseconds, over commands that were not held for an approval."""
    moments = sorted({name for hop in HOPS.values() for name in hop})
    rows = list(Command.objects.filter(hold_no__isnull=True).values(*moments))
    found = {}
    for hop, (start, end) in HOPS.items():
        spans = sorted(_milliseconds(row[start], row[end]) for row in rows if row[start] and row[end])
        if spans:
            found[hop] = {f"p{share}": percentile(spans, share) for share in (50, 95, 99)}
    return found


def _milliseconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds() * 1000)


def percentile(ordered_values: Sequence[float], share: int) -> float:
    """The nearest-rank percentile of values in ascending order."""
    rank = max(1, ceil(len(ordered_values) * share / 100))
    return round(ordered_values[rank - 1], 2)


def compare_figures(account_id: str, printed: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The account's figures by the gateway beside the printed ones; none without a printed statement."""
    if not printed:
        return []
    account = BrokerAccount.objects.get(account_id=account_id.lower())
    ours = queries.figures(account.id)
    return [
        {"name": name, "printed": printed[name], "ours": figure, "equal": printed[name] == figure}
        for name, figure in ours.items()
        if name in printed
    ]
