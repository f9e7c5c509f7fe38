"""Trades of the tenant's masters: who got this trade, how, and why not?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import prod
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, gettext_lazy

from backoffice.own_clock import utc_midnight
from backoffice.templatetags.outside import said
from backoffice.tenants.mending import LACKS_NAME, Remedy, remedy
from backoffice.tenants.missing import called_now
from backoffice.tenants.pages import ROWS, Visit, found, listed, member_page, searched
from backoffice.tenants.scope import Scope
from orders.domain.decision.inputs import Outcome as OutcomeName
from orders.domain.sizing.modes import FUNDS_RATIOS, Mode
from orders.domain.states.denials import SENTENCES
from orders.domain.wire.intents import Action
from orders.models import Command, Copy, Decision, Intent, Report
from sessions_app.domain.decimals import plain
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now

OPENINGS: Final = (Action.OPEN.value, Action.PLACE.value)
MOST: Final = 500
"""Followers of one trade that its REST answer has."""
LAST: Final = 5
"""Trades on the start page."""
FOLLOWERS: Final = 20
"""Followers on a page of one trade: each brings its steps, commands and reports, 6 KB of a page that has 150."""
Counted = tuple[Intent, Sequence[tuple[str, int]]]
_SENTENCES: Final = {code.value: sentence for code, sentence in SENTENCES.items()}
_MOMENTS: Final = ("received_at", "committed_at", "pushed_at", "acked_at", "reported_at")
_HOPS: Final = tuple(
    map(gettext_lazy, ("decided and stored", "sent", "acknowledged by the EA", "reported by the broker"))
)


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
            _sentence(row.code),
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


def counted_outcomes(scope: Scope, intents: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]:
    """How often each of these trades came to which outcome."""
    counts = scope.decisions().filter(intent_id__in=intents).values_list("intent_id", "outcome")
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    for intent, outcome, times in counts.annotate(times=Count("id")).order_by():
        found[intent][outcome] = times
    return found


# One trade -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hop:
    """One stretch of a command's way, with its place on a bar that is 100 wide."""

    name: str
    milliseconds: float
    x: float
    width: float
    number: int


@dataclass(frozen=True, slots=True)
class Told:
    """A command with its way and what the broker said."""

    command: Command
    hops: list[Hop]
    whole: float | None
    reports: list[Report]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trade became for one follower."""

    decision: Decision
    sentence: str
    sizing: str
    copies: list[Copy]
    told: list[Told]

    @property
    def first(self) -> Told | None:
        """The command that opened it."""
        return self.told[0] if self.told else None

    @property
    def slippage(self) -> int | None:
        reports = [report for one in self.told[:1] for report in one.reports]
        return next((row.slippage_points for row in reports if row.slippage_points is not None), None)


@member_page
def trade(visit: Visit, intent_id: UUID) -> HttpResponseBase:
    scope = visit.scope
    opening: Intent = found(scope.intents().select_related("account"), intent_id)
    times = counted_outcomes(scope, [opening.pk]).get(opening.pk, {})
    asked = visit.request.GET.get("outcome", "")
    wanted = asked if asked in times else ""
    decisions = _decisions(scope, opening)
    page = listed(visit.request, decisions.filter(outcome=wanted) if wanted else decisions, most=FOLLOWERS)
    return visit.show(
        "trade",
        gettext("Who got this trade, how, and why not?"),
        opening=opening,
        events=events_of(scope, opening),
        outcomes=[(one, _mend(visit, one.decision)) for one in _outcomes(scope, opening, page.rows)],
        page=page,
        times=sorted(times.items()),
        total=sum(times.values()),
        wanted=wanted,
    )


def _mend(visit: Visit, decision: Decision) -> Remedy | None:
    return remedy(visit, decision) if decision.outcome == OutcomeName.DENIED else None


def events_of(scope: Scope, opening: Intent) -> list[Intent]:
    """What the master did with this position."""
    same = scope.intents().filter(account=opening.account, position_id=opening.position_id)
    return list(same.order_by("id")[:100])


def outcomes_of(scope: Scope, opening: Intent) -> tuple[list[Outcome], bool]:
    """What a trade became for each follower, of MOST at most, and whether there are more."""
    outcomes = list(_outcomes(scope, opening, list(_decisions(scope, opening)[: MOST + 1])))
    return outcomes[:MOST], len(outcomes) > MOST


def _decisions(scope: Scope, opening: Intent) -> QuerySet[Decision]:
    decisions = scope.decisions().filter(intent=opening)
    whose = ("intent", "subscription__follower", "subscription__strategy")
    return decisions.select_related(*whose).order_by("outcome", "id")


def _outcomes(scope: Scope, opening: Intent, decisions: Sequence[Decision]) -> Iterable[Outcome]:
    subscriptions = [row.subscription_id for row in decisions]
    copies: dict[UUID, list[Copy]] = defaultdict(list)
    for copy in scope.copies().filter(subscription_id__in=subscriptions, position_id=opening.position_id):
        copies[copy.subscription_id].append(copy)
    commands = _commands(scope, [copy.pk for rows in copies.values() for copy in rows])
    for decision in decisions:
        mine = sorted(copies[decision.subscription_id], key=lambda copy: copy.leg)
        told = [one for copy in mine for one in commands.get(copy.pk, [])]
        told.sort(key=lambda one: one.command.pk)
        yield Outcome(decision, _sentence(decision.code), sizing(decision.steps), mine, told)


def _commands(scope: Scope, copies: Sequence[UUID]) -> Mapping[UUID, list[Told]]:
    rows = list(scope.commands().filter(copy_id__in=copies).order_by("id")[: MOST * 4])
    reports: dict[UUID | None, list[Report]] = defaultdict(list)
    for report in scope.reports().filter(command_id__in=[row.pk for row in rows], repeated=False).order_by("id"):
        reports[report.command_id].append(report)
    told: dict[UUID, list[Told]] = defaultdict(list)
    for row in rows:
        way = hops([getattr(row, name) for name in _MOMENTS])
        whole = max(0.0, (row.reported_at - row.received_at).total_seconds() * 1000) if row.reported_at else None
        told[row.copy_id].append(Told(row, way, whole, reports[row.pk]))
    return told


def hops(moments: Sequence[datetime | None]) -> list[Hop]:
    """The stretches whose both ends are known, beside each other on one bar; a report may come before the
    acknowledgement, and then ends the way. Two clocks of ours may disagree by a little, and nothing takes less than no
    time."""
    if (end := moments[-1]) is not None:
        moments = [None if moment is None else min(moment, end) for moment in moments]
    spans = [
        (name, number, max(0.0, (end - start).total_seconds() * 1000))
        for number, (name, (start, end)) in enumerate(zip(_HOPS, pairwise(moments), strict=True), 1)
        if start is not None and end is not None
    ]
    whole = sum(span for _, _, span in spans) or 1.0
    drawn, x = [], 0.0
    for name, number, span in spans:
        width = round(span / whole * 100, 2)
        drawn.append(Hop(str(name), span, round(x, 2), width, number))
        x += width
    return drawn


# Why so many lots ----------------------------------------------------------------------------------------------------

_CLOSE: Final = Decimal("0.001")
"""How far apart, in parts of the whole, a product and the lots may be: rates are rounded."""


def _sentence(code: str) -> str:
    """Of an outcome that has a code. Without one there is none: an empty text is the catalogue's own head."""
    return gettext(_SENTENCES[code]) if code in _SENTENCES else ""


def sizing(steps: Sequence[Mapping[str, Any]]) -> str:
    """One sentence from the steps of a decision: `10 x 0.5 x 5000 / 10000 = 2.5, cut to 2 by max lots`; empty if the
    decision ended before its lots were computed."""
    by_name = {step.get("step"): step for step in steps}
    allocation, rounding = by_name.get("allocation", {}), by_name.get("rounding", {})
    exact = _number(allocation.get("exact"))
    if exact is None:
        return ""
    return f"{_product(allocation, exact)} = {_digits(exact)}{_after(exact, rounding)}"


def _product(allocation: Mapping[str, Any], exact: Decimal) -> str:
    """The factors, if they give the lots: a sentence that does not add up is worse than the name of the mode."""
    mode = str(allocation.get("mode", ""))
    lots, multiplier = _number(allocation.get("master_lots")), _number(allocation.get("multiplier"))
    if mode == Mode.FIXED_LOTS or lots is None or multiplier is None:
        return said(mode)
    factors = [(lots, Decimal(1)), (multiplier, Decimal(1))]
    if mode in FUNDS_RATIOS:
        factors.append(_quotient(allocation, "follower_base", "master_base"))
        factors.append((Decimal(1), _number(allocation.get("rate")) or Decimal(1)))
    contracts = _quotient(allocation, "master_contract", "follower_contract")
    for tried in (factors, [*factors, contracts]):
        product = prod((above / below for above, below in tried), start=Decimal(1))
        if abs(product - exact) <= abs(exact) * _CLOSE:
            return _written(tried)
    return said(mode)


def _quotient(allocation: Mapping[str, Any], above: str, below: str) -> tuple[Decimal, Decimal]:
    return _number(allocation.get(above)) or Decimal(1), _number(allocation.get(below)) or Decimal(1)


def _written(factors: Sequence[tuple[Decimal, Decimal]]) -> str:
    """`10 x 0.5 x 5000 / 10000 / 1.08`."""
    text = " x ".join(_digits(above) for above, _ in factors[:2])
    for above, below in factors[2:]:
        text += f" x {_digits(above)}" if above != 1 else ""
        text += f" / {_digits(below)}" if below != 1 else ""
    return text


def _after(exact: Decimal, rounding: Mapping[str, Any]) -> str:
    lots, most = _number(rounding.get("lots")), _number(rounding.get("max_lots"))
    if lots is None or lots == exact:
        return ""
    cut = most is not None and most < exact
    words = gettext(", cut to %(lots)s by max lots") if cut else gettext(", rounded to %(lots)s")
    return words % {"lots": _digits(lots)}


def _number(value: Any) -> Decimal | None:
    """What a step kept as text; None if it kept no number."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _digits(value: Decimal) -> str:
    return plain(round(value, 8))
