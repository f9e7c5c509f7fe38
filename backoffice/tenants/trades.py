"""Trades of the tenant's masters: who got this trade, how, and why not?"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice.one_trade import (
    FOLLOWERS,
    counted_outcomes,
    decisions_of,
    events_of,
    outcomes_among,
    sentence_of,
)
from backoffice.own_clock import utc_midnight
from backoffice.tenants.mending import LACKS_NAME, Remedy, remedy
from backoffice.tenants.missing import called_now
from backoffice.tenants.pages import ROWS, Visit, found, listed, member_page, searched
from backoffice.tenants.scope import Scope
from orders.domain.decision.inputs import Outcome as OutcomeName
from orders.domain.wire.intents import Action
from orders.models import Decision, Intent
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now

OPENINGS: Final = (Action.OPEN.value, Action.PLACE.value)
LAST: Final = 5
"""Trades on the start page."""
Counted = tuple[Intent, Sequence[tuple[str, int]]]


@member_page
def trades(visit: Visit) -> HttpResponseBase:
    if asked := visit.request.GET.get("denied"):
        return _denied_today(visit, asked)
    text = searched(visit.request)
    page = listed(visit.request, searching(visit.scope, _openings(visit.scope), text).order_by("-id"))
    shown = with_outcomes(visit.scope, page.rows)
    return visit.show("trades", gettext("Trades"), page=page, shown=shown, text=text)


def last_trades(scope: Scope) -> Sequence[Counted]:
    """The latest openings of the tenant's masters, in one query."""
    latest = _openings(scope).order_by("-id").values("id")[:LAST]
    rows = scope.intents().filter(id__in=latest).select_related("account")
    counts = rows.annotate(outcome=F("decisions__outcome"), times=Count("decisions"))
    found: dict[UUID, tuple[Intent, list[tuple[str, int]]]] = {}
    for row in counts.order_by("-id", "outcome"):
        _, outcomes = found.setdefault(row.id, (row, []))
        if row.outcome is not None:
            outcomes.append((row.outcome, row.times))
    return list(found.values())


def with_outcomes(scope: Scope, rows: Sequence[Intent]) -> Sequence[Counted]:
    """Each of these trades with how often it came to which outcome."""
    outcomes = counted_outcomes(scope, [row.pk for row in rows])
    return [(row, sorted(outcomes[row.pk].items())) for row in rows]


def _openings(scope: Scope) -> QuerySet[Intent]:
    return scope.intents().filter(action__in=OPENINGS, repeated=False).select_related("account")


def _denied_today(visit: Visit, asked: str) -> HttpResponseBase:
    """What the number on the health page counts: today's denials of one follower, each with its reason."""
    try:
        follower: BrokerAccount = found(visit.scope.accounts(), UUID(asked))
    except ValueError:
        raise Http404 from None
    rows = visit.scope.decisions().filter(subscription__follower=follower, outcome=OutcomeName.DENIED)
    today = rows.filter(decided_at__gte=utc_midnight(database_now()))
    page = listed(
        visit.request, today.select_related("intent", "subscription__strategy").order_by("-decided_at", "-id")
    )
    lacking = {(row.subscription_id, row.intent.symbol) for row in page.rows if row.code in LACKS_NAME}
    now = called_now(visit.scope, lacking)
    names = {pair: one.name for pair, one in now.items()}
    shown = [
        (
            row,
            sentence_of(row.code),
            remedy(visit, row, called=names.get((row.subscription_id, row.intent.symbol), "")),
        )
        for row in page.rows
    ]
    return visit.show(
        "denied", gettext("What was not copied today, and why?"), page=page, shown=shown, follower=follower
    )


def searching(scope: Scope, rows: QuerySet[Intent], text: str) -> QuerySet[Intent]:
    """By position, ticket at the master or at a follower, or the beginning of a symbol or of a master's account, in any
    case.
    """
    text = text.removeprefix("#")  # as pages write a position
    if not text:
        return rows
    by_name = Q(symbol__istartswith=text) | Q(account__account_id__istartswith=text)
    if text.isascii() and text.isdigit() and len(text) <= 18:
        number = int(text)
        copied = scope.copies().filter(account__in=scope.accounts().values("id"), ticket=number)
        positions = {number, *copied.values_list("position_id", flat=True)[:ROWS]}
        by_name |= Q(position_id__in=positions) | Q(ticket=number) | Q(account__account_id__endswith=f":{text}")
    return rows.filter(by_name)


@member_page
def trade(visit: Visit, intent_id: UUID) -> HttpResponseBase:
    scope = visit.scope
    opening: Intent = found(scope.intents().select_related("account"), intent_id)
    times = counted_outcomes(scope, [opening.pk]).get(opening.pk, {})
    asked = visit.request.GET.get("outcome", "")
    wanted = asked if asked in times else ""
    decisions = decisions_of(scope, opening)
    page = listed(visit.request, decisions.filter(outcome=wanted) if wanted else decisions, most=FOLLOWERS)
    return visit.show(
        "trade",
        gettext("Who got this trade, how, and why not?"),
        opening=opening,
        events=events_of(scope, opening),
        outcomes=[(one, _mend(visit, one.decision)) for one in outcomes_among(scope, opening, page.rows)],
        page=page,
        times=sorted(times.items()),
        total=sum(times.values()),
        wanted=wanted,
    )


def _mend(visit: Visit, decision: Decision) -> Remedy | None:
    return remedy(visit, decision) if decision.outcome == OutcomeName.DENIED else None
