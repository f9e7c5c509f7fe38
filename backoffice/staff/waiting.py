"""The keys that wait for a decision, as the desk lists them: searched, sorted, the long silent ones apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from backoffice.standings import counted, strategy_words
from backoffice.terminals import Terminal
from orders.domain.states.commands import CommandState
from orders.models import Command, Strategy, Subscription
from sessions_app import queries
from sessions_app.domain.lifecycle import KeyState, SessionStatus
from sessions_app.models import AuthKey, EaSession

ROWS: Final = 50
"""Of 2 KB each at most: a page has 150 KB."""
STALE_AFTER: Final = timedelta(days=1)
ORDERS: Final[Mapping[str, tuple[str, Sequence[Any]]]] = {
    "heard": ("heard last", (F("last_heard").desc(), "id")),
    "asked": ("asked first", ("requested_at", "id")),
    "account": ("account", ("account__claimed_as", "id")),
}
"""By their names in the address: in words, and by what they sort."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to see: a text that is searched for, an order, the stale ones, a page from 1."""

    text: str = ""
    order: str = "heard"
    stale: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key that waits for a decision, and what an approver wants to know of it.

    `terminal` shows it, if there is one. `purposes`: what the account is for. `others`: keys that the account has
    already, by state. `held`: commands that wait for its EA. `nearby`: other keys that wait and came from the same
    address.
    """

    key: AuthKey
    terminal: Terminal | None
    purposes: Sequence[str]
    others: str
    held: int
    nearby: int


@dataclass(frozen=True, slots=True)
class Desk:
    """A page of keys that wait; `fresh` and `stale`: how many there are of each kind, of what is searched for."""

    rows: Sequence[Waiting]
    fresh: int
    stale: int
    asked: Asked

    @property
    def total(self) -> int:
        return self.stale if self.asked.stale else self.fresh

    @property
    def first(self) -> int:
        return (self.asked.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def desk(asked: Asked, now: datetime) -> Desk:
    """What a person asks to see, in a fixed number of queries."""
    keys = _searched(_heard(queries.waiting_keys()), asked.text)
    old = Q(last_heard__lt=now - STALE_AFTER)
    counts = keys.order_by().aggregate(fresh=Count("id", filter=~old), stale=Count("id", filter=old))
    found = keys.filter(old if asked.stale else ~old).order_by(*ORDERS[asked.order][1])
    begins = (asked.page - 1) * ROWS
    return Desk(_rows(list(_with_counts(found)[begins : begins + ROWS]), now), counts["fresh"], counts["stale"], asked)


def _heard(keys: QuerySet[AuthKey]) -> QuerySet[Any]:
    """With `last_heard`: by whatever session shows the key, or when it was asked for."""
    sessions = EaSession.objects.filter(key=OuterRef("pk"), state=SessionStatus.PENDING).order_by("-created_at", "-id")
    heard = Coalesce(Subquery(sessions.values("last_heartbeat_at")[:1]), F("requested_at"))
    return keys.annotate(last_heard=Greatest(heard, F("requested_at")))


def _searched(keys: QuerySet[Any], text: str) -> QuerySet[Any]:
    """By account, tenant or address, or by the beginning of the owner's code or of the fingerprint."""
    if not text:
        return keys
    digits = text.replace(" ", "").lower()
    return keys.filter(
        Q(account__claimed_as__icontains=text)
        | Q(account__tenant__name__icontains=text)
        | Q(requested_from__startswith=text)
        | Q(code__startswith=digits)
        | Q(fingerprint__startswith=digits)
    )


def _with_counts(keys: QuerySet[Any]) -> QuerySet[Any]:
    held = Command.objects.filter(account=OuterRef("account"), state=CommandState.HELD)
    nearby = AuthKey.objects.filter(queries.awaits_decision(), requested_from=OuterRef("requested_from"))
    counts = {"held": queries.count_of(held), "nearby": queries.count_of(nearby.exclude(pk=OuterRef("pk")))}
    counted_too: QuerySet[Any] = keys.annotate(**counts)
    return counted_too


def _rows(keys: Sequence[Any], now: datetime) -> Sequence[Waiting]:
    shown = EaSession.objects.filter(key__in=keys, state=SessionStatus.PENDING).order_by("created_at", "id")
    terminals = {session.key_id: Terminal.of(session, now) for session in shown}
    accounts = {key.account_id for key in keys}
    purposes, others = _purposes(accounts), _others(accounts)
    return [
        Waiting(key, terminals.get(key.pk), purposes[key.account_id], others[key.account_id], key.held, key.nearby)
        for key in keys
    ]


def _purposes(accounts: set[UUID]) -> Mapping[UUID, Sequence[str]]:
    """What the accounts lead and follow, in one query: a strategy that is led has no state here."""
    led = Strategy.objects.filter(master__in=accounts).annotate(state_=Value("", CharField()))
    followed = Subscription.objects.filter(follower__in=accounts)
    links = led.values_list("master_id", "name", "state_").union(
        followed.values_list("follower_id", "strategy__name", "state"), all=True
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for account, name, state in sorted(links, key=lambda link: link[1]):
        found[account].append(f"follower of {strategy_words(name, state)}" if state else f"master of {name}")
    return found


def _others(accounts: set[UUID]) -> Mapping[UUID, str]:
    """The keys that the accounts have already, also when no terminal shows them."""
    decided = AuthKey.objects.filter(account__in=accounts).exclude(state=KeyState.PENDING).order_by("state")
    said: dict[UUID, str] = defaultdict(str)
    for account, state, times in decided.values_list("account_id", "state").annotate(times=Count("id")):
        said[account] += f"{', ' if said[account] else ''}{counted(times, f'{state} key')}"
    return said
