"""Reads for the pages that humans look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from backoffice import latency
from backoffice.latency import Bucket, Hop, Hour
from backoffice.staff.followers import Standing, standing
from backoffice.staff.system import Part, System
from backoffice.terminals import Link, Terminal
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.denials import SENTENCES
from sessions_app import queries
from sessions_app.domain.lifecycle import LIVING, KeyState, SessionStatus
from sessions_app.models import AuthKey, BrokerAccount, EaSession, OperatorAlert, Tenant

LIVE_ROWS: Final = 25
ALERT_ROWS: Final = 10


# The approval desk ---------------------------------------------------------------------------------------------------


def waiting_count() -> int:
    return queries.waiting_keys().count()


def decided_lately(limit: int = 10) -> list[AuthKey]:
    """The last decisions about keys, the newest first."""
    decided = queries.with_calls(AuthKey.objects.exclude(state=KeyState.PENDING)).select_related("account__tenant")
    return list(decided.order_by("-decided_at")[:limit])


# Monitoring ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something happened today. `share`: percent of the most frequent one."""

    name: str
    meaning: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the deployment. "Today" is the UTC day of `at`. `ordered`: commands that came of today's decisions;
    `delivered`: of these, what an EA has got; `done`: what its broker has done."""

    at: datetime
    standing: Standing
    sessions: Mapping[str, int]
    waiting: int
    copied: int
    ordered: int
    delivered: int
    done: int
    denied: int
    failed: int
    nothing_to_do: int
    denials: list[Tally]
    failures: list[Tally]
    hops: list[Hop]
    histogram: list[Bucket]
    hours: list[Hour]
    live: list[Terminal]
    differences: int
    held: int
    unasked: int
    alerts: list[OperatorAlert]
    open_alerts: int
    system: Sequence[Part]

    @property
    def connected(self) -> int:
        return self.sessions[SessionStatus.AUTHENTICATED]


def figures(now: datetime, system: System | None = None) -> Figures:
    """Everything the monitoring page shows, in eight reads; `system` is looked at before."""
    sessions = EaSession.objects.filter(state__in=LIVING).order_by("state", "-created_at")
    # Plain values, of which only those that are shown become models: there may be thousands.
    living = list(sessions.values_list(*Link._fields, *_OF_SESSIONS, *_OF_ACCOUNTS))
    links = [Link._make(row[: len(Link._fields)]) for row in living]
    # The authenticated session of an account before one of it that waits.
    stands = standing(now, {link.account_id: link for link in reversed(links)}, system.troubles if system else "")
    day = stands.day
    alerts = list(queries.open_alerts()[:ALERT_ROWS])
    heads = queries.headcount()
    return Figures(
        at=now,
        standing=stands,
        sessions=heads.sessions,
        waiting=heads.waiting,
        copied=day.outcomes.get(Outcome.COPIED, 0),
        ordered=sum(day.commands.values()),
        delivered=sum(day.commands.get(state, 0) for state in _DELIVERED),
        done=sum(day.commands.get(state, 0) for state in _CARRIED_OUT),
        denied=day.outcomes.get(Outcome.DENIED, 0),
        nothing_to_do=day.outcomes.get(Outcome.NOOP, 0),
        failed=sum(day.failures.values()),
        denials=_tallies(_most_first(day.denials), {code.value: text for code, text in SENTENCES.items()}),
        failures=_tallies(_most_first(day.failures), _MEANINGS),
        hops=latency.hops(day.moments),
        histogram=latency.histogram(day.moments),
        hours=latency.hours(day.by_hour),
        live=[Terminal.of(_session(row), now) for row in living[:LIVE_ROWS]],
        differences=stands.differences.unsettled,
        held=stands.differences.held,
        unasked=heads.unasked,
        alerts=alerts,
        open_alerts=getattr(alerts[0], "standing", 0) if alerts else 0,
        system=system.parts if system else (),
    )


_CARRIED_OUT: Final = (CommandState.DONE, CommandState.WORKING)
_DELIVERED: Final = (*_CARRIED_OUT, CommandState.RECEIVED, CommandState.REJECTED, CommandState.UNKNOWN)
_OF_SESSIONS: Final = ("id", "silence_held_at", "platform", "ea_version")
_OF_ACCOUNTS: Final = ("account__claimed_as", "account__balance", "account__equity", "account__tenant__name")


def _session(row: Sequence[Any]) -> EaSession:
    values = dict(zip((*Link._fields, *_OF_SESSIONS, "claimed_as", "balance", "equity", "tenant"), row, strict=True))
    tenant, key_state = values.pop("tenant"), values.pop("key__state")
    account = BrokerAccount(
        id=values.pop("account_id"),
        tenant=None if tenant is None else Tenant(name=tenant),
        **{name: values.pop(name) for name in ("claimed_as", "balance", "equity")},
    )
    return EaSession(account=account, key=None if key_state is None else AuthKey(state=key_state), **values)


def _most_first(counts: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


_MEANINGS: Final = {
    CommandState.REJECTED.value: "The follower's broker said no.",
    CommandState.UNKNOWN.value: "No one knows yet whether the broker did it.",
    CommandState.EXPIRED.value: "An open came too late: the follower does not hold it.",
    CommandState.VOID.value: "An open was not fetched in time: the follower does not hold it.",
}


def _tallies(counts: Mapping[str, int], meanings: Mapping[str, str]) -> list[Tally]:
    most = max(counts.values(), default=1)
    return [Tally(name, meanings.get(name, ""), n, round(n / most * 100, 1)) for name, n in counts.items()]
