"""How is this account? Its state in words, what it leads and follows, its copies against its own book, keys, sessions
and events.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db.models import F, FilteredRelation, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.http import HttpRequest
from django.utils.html import format_html

from backoffice.actions.differences import MISSING_BECOME
from backoffice.actions.registry import ACTIONS
from backoffice.foreign import foreign
from backoffice.own_clock import clock, clock_and_zone, utc_midnight
from backoffice.permissions import may
from backoffice.staff import short_words
from backoffice.staff.panels.panel import (
    Panel,
    act_links,
    acts_on,
    badge,
    badges,
    counted_in,
    linked,
    linked_to,
    list_of,
    may_see,
)
from backoffice.standings import Row, failed_since
from backoffice.templatetags.outside import NOTHING, exact, key_code, lasting, lots, moment, money, outside
from backoffice.templatetags.spoken import in_english
from backoffice.terminals import Terminal, silence_of, standing_of
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import STANDING, WAITING, DifferenceState, may_decide
from orders.domain.wire.snapshots import DifferenceKind
from orders.models import Command, Copy, Decision, Difference, Snapshot, Strategy, Subscription
from sessions_app.domain.lifecycle import LIVING, AccountState
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.queries import clock as database_clock
from sessions_app.queries import count_of

MOST: Final = 50
"""Rows of a panel; the list behind it has the rest."""
LATEST: Final = 10
_ALIVE: Final = [state.value for state in sorted(ALIVE)]
_STANDING: Final = [state.value for state in sorted(STANDING)]
_WAITING: Final = [state.value for state in sorted(WAITING)]
_ON_KEYS: Final = ("approve_key", "reject_key", "revoke_key", "retire_key")
_ended: Final = short_words.shower(EaSession, "close_reason", on_page=False)
_why: Final = short_words.shower(SessionEvent, "reason", on_page=False)


def for_page(rows: QuerySet[BrokerAccount]) -> QuerySet[Any]:
    """Accounts with the time, and what their state in words is made of."""
    copies = Copy.objects.filter(account=OuterRef("pk"), state__in=_ALIVE)
    queued = Command.objects.filter(account=OuterRef("pk"), state=CommandState.QUEUED)
    oldest = queued.order_by().values("account").annotate(oldest=Min("decided_at")).values("oldest")
    books = Snapshot.objects.filter(account=OuterRef("pk"), pending=False)
    return rows.select_related("tenant").annotate(
        now=database_clock(),
        told_currency=F("profile__content__currency"),
        open_copies=count_of(copies),
        unprotected=count_of(copies.filter(unprotected_since__isnull=False)),
        undelivered=count_of(queued),
        oldest=Subquery(oldest),
        differing=count_of(Difference.objects.filter(account=OuterRef("pk"), state__in=_WAITING)),
        told_book_at=Subquery(books.values("taken_at")[:1]),
    )


def of_account(request: HttpRequest, account: Any) -> Iterator[Panel]:
    """Everything about an account that the person may see, in a read for each panel."""
    sessions = _sessions(account) if may_see(request, EaSession) else []
    strategies = _strategies(account) if may_see(request, Strategy) and may_see(request, Subscription) else []
    events = _latest_events(account) if may_see(request, SessionEvent) else []
    yield _state(account, sessions, strategies, events)
    if strategies:
        yield _follows(strategies)
    if may_see(request, Copy):
        yield _copies(account)
    if may_see(request, Difference):
        yield from _differences(request, account)
    if may_see(request, AuthKey):
        yield _keys(request, account)
    if sessions:
        yield _of_sessions(request, account, sessions)
    if may_see(request, SessionEvent):
        yield _events(account, events)


# Its state -----------------------------------------------------------------------------------------------------------


def _sessions(account: Any) -> list[EaSession]:
    """The newest, and first of all the one in force."""
    rows = EaSession.objects.filter(account=account).select_related("key").defer("environment", "hello", "status")
    return list(rows.order_by("-created_at")[:LATEST])


def _state(
    account: Any, sessions: Sequence[EaSession], strategies: Sequence[Any], events: Sequence[SessionEvent]
) -> Panel:
    living = [one for one in sessions if one.state in LIVING]
    session = min(living, key=lambda one: one.state, default=None)  # authenticated before pending
    row = _row(account, session, strategies)
    funds = NOTHING
    if account.equity is not None:
        age = max(account.now - account.funds_at, timedelta(0)) if account.funds_at else None
        parts = [money(value, account.told_currency or "") for value in (account.equity, account.balance)]
        funds = format_html("{} equity, {} balance, told {} ago", *parts, lasting(age))
    book = format_html("told {}", moment(account.told_book_at)) if account.told_book_at else "not told yet"
    facts: list[tuple[str, Any]] = [
        ("State", badges(row.troubles, in_english(row.standing))),
        ("Terminal", _terminal(account, session, sessions)),
        ("Tenant", linked(account.tenant)),
        ("Funds", funds),
        ("Its own book", book),
    ]
    if account.suspended_at is not None:
        facts.insert(1, ("Suspended", _suspended(account, events)))
    return Panel("How is this account?", facts=facts)


def _suspended(account: Any, events: Sequence[SessionEvent]) -> Any:
    """Since when, and by whom and why if that is among the latest events."""
    since = format_html("since {}", moment(account.suspended_at))
    event = next((one for one in events if one.to_state == AccountState.SUSPENDED), None)
    if event is None:
        return since
    return format_html("{} by {}: {}", since, foreign(event.actor), outside(event.note))


def _row(account: Any, session: EaSession | None, strategies: Sequence[Any]) -> Row:
    row = Row(account, open_copies=account.open_copies, unprotected=account.unprotected)
    row.undelivered, row.differences = account.undelivered, account.differing
    row.oldest = max(account.now - account.oldest, timedelta(0)) if account.oldest else None
    row.failed = next((one.failed for one in strategies), 0)
    if session is not None:
        alive, row.silence = silence_of(session, account.now)
        row.standing = standing_of(session.state, session.key.state if session.key else None, alive=alive)
    return row


def _terminal(account: Any, session: EaSession | None, sessions: Sequence[EaSession]) -> Any:
    if session is not None:
        heard = Terminal.of(session, account.now).heard
        return linked(session, f"{session.platform} {session.ea_version}, heard {heard}")
    if not sessions:
        return "it has had no session"
    last = sessions[0]
    ended = clock_and_zone(last.closed_at) if last.closed_at else ""
    return format_html("{}: {}", linked(last, f"offline since {ended}"), _ended(last.close_reason))


# What it leads and follows -------------------------------------------------------------------------------------------


def _strategies(account: Any) -> list[Any]:
    """Strategies that it leads, or follows with the subscription `mine`, each with today's decisions."""
    since = utc_midnight(account.now)
    mine = FilteredRelation("subscriptions", condition=Q(subscriptions__follower=account))
    today = Decision.objects.filter(subscription=OuterRef("mine__id"), decided_at__gte=since)
    failures = [count_of(rows) for rows in failed_since(Command.objects.filter(account=account), since)]
    rows = Strategy.objects.annotate(mine=mine).filter(Q(master=account) | Q(mine__isnull=False))
    shown = rows.annotate(
        subscription=F("mine__id"),
        subscribed=F("mine__state"),
        mode=F("mine__mode"),
        multiplier=F("mine__multiplier"),
        copied=count_of(today.filter(outcome=Outcome.COPIED)),
        denied=count_of(today.filter(outcome=Outcome.DENIED)),
        failed=failures[0] + failures[1],
        since=Value(since),
    )
    return list(shown.order_by("name")[:MOST])


def _follows(strategies: Sequence[Any]) -> Panel:
    rows = []
    for one in strategies:
        if one.subscription is None:
            rows.append((linked(one), "it leads", NOTHING, NOTHING, NOTHING, NOTHING))
            continue
        asked = {"subscription__id__exact": one.subscription, "decided_at__gte": one.since}
        sized = f"{in_english(one.mode)}, {exact(one.multiplier)} x"
        rows.append(
            (
                linked(one),
                linked_to(Subscription, one.subscription, "it follows"),
                badge(one.subscribed),
                sized,
                counted_in(Decision, one.copied, outcome__exact=Outcome.COPIED, **asked),
                counted_in(Decision, one.denied, outcome__exact=Outcome.DENIED, **asked),
            )
        )
    heads = ("Strategy", "Role", "State", "Sizing", "Copied today", "Denied today")
    return Panel("What it leads and follows", heads, rows)


# Its copies against its own book -------------------------------------------------------------------------------------


def _copies(account: Any) -> Panel:
    found = Copy.objects.filter(account=account, state__in=_ALIVE).order_by("-id")[:MOST]
    rows = [
        (
            linked(copy, f"{copy.symbol} #{copy.position_id}"),
            _state_of(copy),
            copy.side,
            lots(copy.lots_open),
            exact(copy.price_at_broker),
            exact(copy.sl or None),  # 0: it has none
            copy.ticket or NOTHING,
        )
        for copy in found
    ]
    heads = ("Copy", "State", "Side", "Lots", "Price", "Stop loss", "Ticket")
    on = (f"All {account.open_copies} open copies", list_of(Copy, account__id__exact=account.pk, state__in=_in(_ALIVE)))
    every = ("Every copy it ever had", list_of(Copy, account__id__exact=account.pk))
    return Panel("Open copies", heads, rows, none="It holds no copy.", on=on if len(rows) == MOST else every)


def _state_of(copy: Copy) -> Any:
    if copy.unprotected_since is None:
        return badge(copy.state)
    return format_html('{} <span class="state error">no stop at the broker</span>', badge(copy.state))


def _in(states: Sequence[str]) -> str:
    return ",".join(states)


def _differences(request: HttpRequest, account: Any) -> Iterator[Panel]:
    found = list(Difference.objects.filter(account=account, state__in=_STANDING).order_by("-id")[:MOST])
    if not found:
        return
    accept, decides = ACTIONS["accept_difference"], may(request, ACTIONS["accept_difference"].permission)
    rows = []
    for one in found:
        open_to = may_decide(DifferenceKind(one.kind), DifferenceState(one.state), DifferenceState.ACCEPTED)
        acts = act_links([(accept, accept.address(one))] if decides and open_to else [])
        what = linked(one, f"{in_english(one.kind)} {one.symbol}")
        rows.append((what, badge(one.state), foreign(one.expected), foreign(one.actual), acts))
    about_all = [
        (action, action.address(account))
        for action, after in MISSING_BECOME
        if decides and any(may_decide(DifferenceKind(one.kind), DifferenceState(one.state), after) for one in found)
    ]
    heads = ("Difference", "State", "We expect", "The terminal says", "Act")
    on = ("Every difference it ever had", list_of(Difference, account__id__exact=account.pk))
    yield Panel("Where its own book differs", heads, rows, on=on, acts=act_links(about_all))


# Who may serve it, and what happened ---------------------------------------------------------------------------------


def _keys(request: HttpRequest, account: Any) -> Panel:
    rows = []
    for key in AuthKey.objects.filter(account=account).order_by("-requested_at")[:LATEST]:
        key.account = account
        by = format_html("{} by {}", moment(key.decided_at), foreign(key.decided_as)) if key.decided_at else NOTHING
        acts = acts_on(request, [(ACTIONS[name], key) for name in _ON_KEYS])
        code = key_code(key.code) or key.fingerprint[:12]
        heard = format_html("{} {}", moment(key.requested_at), foreign(key.requested_from))
        rows.append((linked(key, code), badge(key.state), heard, by, outside(key.decision_reason), acts))
    heads = ("Owner's code", "State", "First heard", "Decided", "Reason", "Act")
    return Panel("Keys", heads, rows, none="No EA has shown a key yet.")


def _of_sessions(request: HttpRequest, account: Any, sessions: Sequence[EaSession]) -> Panel:
    rows = []
    for one in sessions:
        one.account = account
        what = format_html("{} {}", one.platform, foreign(one.ea_version))
        ended = format_html("{} {}", moment(one.closed_at), _ended(one.close_reason)) if one.closed_at else NOTHING
        acts = acts_on(request, [(ACTIONS["end_session"], one)])
        begun = linked(one, clock(one.created_at))
        rows.append(
            (begun, badge(one.state), what, foreign(one.remote_address), moment(one.last_heartbeat_at), ended, acts)
        )
    heads = ("Begun", "State", "Platform", "Address", "Last heard", "Ended", "Act")
    on = ("Every session it ever had", list_of(EaSession, account__id__exact=account.pk))
    return Panel("EA sessions, the newest first", heads, rows, on=on)


def _latest_events(account: Any) -> list[SessionEvent]:
    return list(SessionEvent.objects.filter(account=account).order_by("-id")[:LATEST])


def _events(account: Any, found: Sequence[SessionEvent]) -> Panel:
    rows = [
        (
            moment(one.at),
            f"{in_english(one.from_state) or 'new'} to {in_english(one.to_state)}",
            _why(one.reason),
            foreign(one.actor),
            outside(one.note),
        )
        for one in found
    ]
    on = ("Every event", list_of(SessionEvent, account__id__exact=account.pk))
    return Panel("Events", ("When", "What", "Why", "By", "Note"), rows, none="Nothing has happened yet.", on=on)
