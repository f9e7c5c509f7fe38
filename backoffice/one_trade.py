"""One trade of a master: who got it, how, and why not. Whose rows are read is said by who asks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import prod
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.translation import gettext, gettext_lazy

from backoffice.templatetags.outside import said
from orders.domain.sizing.modes import FUNDS_RATIOS, Mode
from orders.domain.states.denials import SENTENCES
from orders.models import Command, Copy, Decision, Intent, Report
from sessions_app.domain.decimals import plain

MOST: Final = 500
"""Followers of one trade that its REST answer has."""
FOLLOWERS: Final = 20
"""Followers on a page of one trade: each brings its steps, commands and reports, 6 KB of a page that has 150."""
_SENTENCES: Final = {code.value: sentence for code, sentence in SENTENCES.items()}
_MOMENTS: Final = ("received_at", "committed_at", "pushed_at", "acked_at", "reported_at")
_HOPS: Final = tuple(
    map(gettext_lazy, ("decided and stored", "sent", "acknowledged by the EA", "reported by the broker"))
)


class Rows(Protocol):
    """Whose trades: those of a tenant, or of all."""

    def intents(self) -> QuerySet[Intent]: ...
    def decisions(self) -> QuerySet[Decision]: ...
    def copies(self) -> QuerySet[Copy]: ...
    def commands(self) -> QuerySet[Command]: ...
    def reports(self) -> QuerySet[Report]: ...


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
    sizing_names: str
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


def counted_outcomes(rows: Rows, intents: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]:
    """How often each of these trades came to which outcome."""
    counts = rows.decisions().filter(intent_id__in=intents).values_list("intent_id", "outcome")
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    for intent, outcome, times in counts.annotate(times=Count("id")).order_by():
        found[intent][outcome] = times
    return found


def events_of(rows: Rows, opening: Intent) -> list[Intent]:
    """What the master did with this position."""
    same = rows.intents().filter(account=opening.account, position_id=opening.position_id)
    return list(same.order_by("id")[:100])


def outcomes_of(rows: Rows, opening: Intent) -> tuple[list[Outcome], bool]:
    """What a trade became for each follower, of MOST at most, and whether there are more."""
    outcomes = list(outcomes_among(rows, opening, list(decisions_of(rows, opening)[: MOST + 1])))
    return outcomes[:MOST], len(outcomes) > MOST


def decisions_of(rows: Rows, opening: Intent) -> QuerySet[Decision]:
    """What was decided about it for each follower."""
    decisions = rows.decisions().filter(intent=opening)
    whose = ("intent", "subscription__follower", "subscription__strategy")
    return decisions.select_related(*whose).order_by("outcome", "id")


def outcomes_among(rows: Rows, opening: Intent, decisions: Sequence[Decision]) -> Iterable[Outcome]:
    """What became of each of these decisions about it, in three reads."""
    subscriptions = [row.subscription_id for row in decisions]
    copies: dict[UUID, list[Copy]] = defaultdict(list)
    for copy in rows.copies().filter(subscription_id__in=subscriptions, position_id=opening.position_id):
        copies[copy.subscription_id].append(copy)
    commands = _commands(rows, [copy.pk for mine in copies.values() for copy in mine])
    for decision in decisions:
        mine = sorted(copies[decision.subscription_id], key=lambda copy: copy.leg)
        told = [one for copy in mine for one in commands.get(copy.pk, [])]
        told.sort(key=lambda one: one.command.pk)
        yield Outcome(
            decision, sentence_of(decision.code), sizing(decision.steps), sizing_names(decision.steps), mine, told
        )


def _commands(rows: Rows, copies: Sequence[UUID]) -> Mapping[UUID, list[Told]]:
    commands = list(rows.commands().filter(copy_id__in=copies).order_by("id")[: MOST * 4])
    told: dict[UUID, list[Told]] = defaultdict(list)
    for one in ways_of(rows, commands):
        told[one.command.copy_id].append(one)
    return told


def ways_of(rows: Rows, commands: Sequence[Command]) -> list[Told]:
    """Each of these commands with its way and what the broker said of it."""
    reports: dict[UUID | None, list[Report]] = defaultdict(list)
    for report in rows.reports().filter(command_id__in=[row.pk for row in commands], repeated=False).order_by("id"):
        reports[report.command_id].append(report)
    told = []
    for row in commands:
        way = hops([getattr(row, name) for name in _MOMENTS])
        whole = max(0.0, (row.reported_at - row.received_at).total_seconds() * 1000) if row.reported_at else None
        told.append(Told(row, way, whole, reports[row.pk]))
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


def sentence_of(code: str) -> str:
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
    factors = _factors(allocation, exact)
    product = _written(factors) if factors else said(str(allocation.get("mode", "")))
    return f"{product} = {_digits(exact)}{_after(exact, rounding)}"


def sizing_names(steps: Sequence[Mapping[str, Any]]) -> str:
    """What the numbers of that sentence are, in their order: `lots of the master x multiplier`; empty where there is
    no product."""
    allocation = next((step for step in steps if step.get("step") == "allocation"), {})
    exact = _number(allocation.get("exact"))
    factors = _factors(allocation, exact) if exact is not None else []
    told = ""
    for number, one in enumerate(factors):
        if number > 1 and one.above == one.below == 1:
            continue
        told += f" x {one.name}" if told and one.name else one.name
        told += f" / {one.of}" if one.of else ""
    return told


class _Factor(NamedTuple):
    """A quotient of the product, and what it and its divisor are."""

    name: str
    above: Decimal
    below: Decimal
    of: str = ""


def _factors(allocation: Mapping[str, Any], exact: Decimal) -> list[_Factor]:
    """The factors, if they give the lots: a sentence that does not add up is worse than the name of the mode."""
    mode = str(allocation.get("mode", ""))
    lots, multiplier = _number(allocation.get("master_lots")), _number(allocation.get("multiplier"))
    if mode == Mode.FIXED_LOTS or lots is None or multiplier is None:
        return []
    factors = [
        _Factor(gettext("lots of the master"), lots, Decimal(1)),
        _Factor(gettext("multiplier"), multiplier, Decimal(1)),
    ]
    if mode in FUNDS_RATIOS:
        bases = _quotient(allocation, "follower_base", "master_base")
        factors.append(_Factor(gettext("funds of the follower"), *bases, gettext("of the master")))
        rate = _number(allocation.get("rate")) or Decimal(1)
        factors.append(_Factor("", Decimal(1), rate, gettext("rate of the currencies")))
    contracts = _quotient(allocation, "master_contract", "follower_contract")
    sizes = _Factor(gettext("contract of the master's symbol"), *contracts, gettext("of the follower's"))
    for tried in (factors, [*factors, sizes]):
        product = prod((one.above / one.below for one in tried), start=Decimal(1))
        if abs(product - exact) <= abs(exact) * _CLOSE:
            return tried
    return []


def _quotient(allocation: Mapping[str, Any], above: str, below: str) -> tuple[Decimal, Decimal]:
    return _number(allocation.get(above)) or Decimal(1), _number(allocation.get(below)) or Decimal(1)


def _written(factors: Sequence[_Factor]) -> str:
    """`10 x 0.5 x 5000 / 10000 / 1.08`."""
    text = " x ".join(_digits(one.above) for one in factors[:2])
    for one in factors[2:]:
        text += f" x {_digits(one.above)}" if one.above != 1 else ""
        text += f" / {_digits(one.below)}" if one.below != 1 else ""
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
