"""Who got this trade, how, and why not? And a copy's life, and a command's way, on pages of their own."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from backoffice import one_trade
from backoffice.foreign import foreign
from backoffice.one_trade import Told
from backoffice.staff import short_words
from backoffice.staff.panels.panel import Panel, badge, linked, linked_to, list_of, may_see
from backoffice.templatetags.outside import NOTHING, exact, instant, lots, moment, outside, words
from backoffice.templatetags.spoken import in_english
from orders.models import Command, Copy, Decision, Difference, Intent, Report

FOLLOWERS: Final = 50
MOST: Final = 50
_reason: Final = short_words.shower(Command, "reason", on_page=False)
_flag: Final = short_words.shower(Report, "flag", on_page=False)
_caused: Final = short_words.shower(Copy, "close_cause", on_page=True)


class Everyone:
    """Trades of all tenants."""

    def intents(self) -> QuerySet[Intent]:
        return Intent.objects.all()

    def decisions(self) -> QuerySet[Decision]:
        return Decision.objects.all()

    def copies(self) -> QuerySet[Copy]:
        return Copy.objects.all()

    def commands(self) -> QuerySet[Command]:
        return Command.objects.all()

    def reports(self) -> QuerySet[Report]:
        return Report.objects.all()


# A trade of a master -------------------------------------------------------------------------------------------------


def of_trade(request: HttpRequest, intent: Intent) -> Iterator[Panel]:
    """What the master did with this position, and what became of this step of it for each follower."""
    rows = [
        (
            _step(one, here=one.pk == intent.pk),
            lots(one.lots),
            exact(one.price),
            one.ticket,
            instant(one.received_at),
        )
        for one in one_trade.events_of(Everyone(), intent)
    ]
    said = f"{in_english(intent.action)} {intent.symbol}, position {intent.position_id}"
    side = foreign(intent.content.get("side", ""))
    what = format_html("{} {} {} at {}", foreign(said), side, lots(intent.lots), exact(intent.price))
    facts = [("Trade", what), ("Master", linked(intent.account)), ("Received", moment(intent.received_at))]
    heads = ("Step", "Lots", "Price", "Ticket", "Received")
    yield Panel("Who got this trade, how, and why not?", facts=facts)
    if all(may_see(request, table) for table in (Decision, Copy, Command, Report)):
        yield _of_followers(intent)
    yield Panel("What the master did with this position", heads, rows)


def _step(one: Intent, *, here: bool) -> Any:
    said = f"{in_english(one.action)}{' (repeated)' if one.repeated else ''}"
    return f"{said}: this page" if here else linked(one, said)


def _of_followers(intent: Intent) -> Panel:
    decisions = list(one_trade.decisions_of(Everyone(), intent)[: FOLLOWERS + 1])
    rows = []
    for one in one_trade.outcomes_among(Everyone(), intent, decisions[:FOLLOWERS]):
        copy = one.copies[0] if one.copies else None
        filled = [leg.lots_filled or leg.lots_opened or Decimal(0) for leg in one.copies]
        way = _way(one.first) if one.first is not None and one.first.hops else NOTHING
        price = NOTHING if copy is None else exact(copy.price_at_broker)
        slipped = NOTHING if one.slippage is None else f"{price}, {one.slippage:+} points"
        rows.append(
            (
                linked(one.decision.subscription.follower),
                linked_to(Decision, one.decision.pk, badge(one.decision.outcome)),
                one.sentence or one.sizing or NOTHING,
                lots(sum(filled, Decimal(0))) if filled else NOTHING,
                price if one.slippage is None else slipped,
                NOTHING if copy is None else linked(copy, badge(copy.state)),
                way,
            )
        )
    heads = ("Follower", "Outcome", "Sizing, or why not", "Lots", "Price", "State now", "Way of its first command")
    on = ("Every decision about it", list_of(Decision, intent__id__exact=intent.pk))
    none = "Nobody followed this master's strategies then, or this step is not copied."
    return Panel("Followers", heads, rows, none=none, on=on if len(decisions) > FOLLOWERS else ("", ""))


def _way(told: Told) -> Any:
    return mark_safe(render_to_string("tenants/way.html", {"told": told}))  # noqa: S308 - a template of ours


# A copy, and a command -----------------------------------------------------------------------------------------------


def of_copy(request: HttpRequest, copy: Any) -> Iterator[Panel]:
    """What it is, what was ordered for it and what the broker said, and where the terminal's book differs."""
    subscription = copy.subscription
    told = _ordered_for(copy) if may_see(request, Command) and may_see(request, Report) else None
    facts = [
        ("State", format_html("{} {}", badge(copy.state), _caused(copy.close_cause) if copy.close_cause else "")),
        ("Follower", linked(copy.account)),
        ("Of", format_html("position {} of {}", copy.position_id, linked(subscription.strategy))),
        ("Copied by", linked(subscription)),
        ("Lots", format_html("{} of {} that were ordered", lots(copy.lots_open), lots(copy.lots_opened))),
        ("Ticket", copy.ticket or NOTHING),
    ]
    opening = told[0].command.decision if told and may_see(request, Decision) else None
    if opening is not None and (sized := one_trade.sizing(opening.steps)):
        facts.insert(5, ("Sizing", linked(opening, f"{sized} lots")))
    yield Panel("What became of this copy?", facts=facts)
    if told is not None:
        yield _of_commands(told)
    if may_see(request, Difference):
        yield from _of_differences(copy)


def _ordered_for(copy: Any) -> list[Told]:
    commands = Command.objects.filter(copy=copy).select_related("decision").order_by("id")
    return one_trade.ways_of(Everyone(), list(commands[:MOST]))


def _of_commands(told: Sequence[Told]) -> Panel:
    rows = [
        (
            linked(one.command, in_english(one.command.action)),
            badge(one.command.state),
            lots(one.command.lots),
            _answered(one),
            linked(one.command.decision, "why") if one.command.decision is not None else "a repair",
            moment(one.command.decided_at),
            _way(one) if one.hops else NOTHING,
        )
        for one in told
    ]
    heads = ("Command", "State", "Lots", "What the broker said", "Decision", "Decided", "Way")
    return Panel("What was ordered for it", heads, rows, none="Nothing was ordered for it.")


def _answered(one: Told) -> Any:
    if not one.reports:
        return _reason(one.command.reason) if one.command.reason else "nothing yet"
    last = one.reports[-1]
    error = f", error {last.error_code}" if last.error_code else ""
    price = f" at {exact(last.price)}" if last.price else ""
    return linked(last, f"{in_english(last.status)}{price}{error}")


def _of_differences(copy: Any) -> Iterator[Panel]:
    rows = [
        (linked(one, in_english(one.kind)), badge(one.state), outside(one.expected), outside(one.actual),
         moment(one.opened_at))
        for one in copy.differences.order_by("-id")[:MOST]
    ]  # fmt: skip
    if rows:
        yield Panel(
            "Where the terminal's book differed", ("Difference", "State", "We expect", "It says", "Since"), rows
        )


def of_command(request: HttpRequest, command: Any) -> Iterator[Panel]:
    """Its way with milliseconds for each hop, why it was decided, and what the broker said."""
    told = one_trade.ways_of(Everyone(), [command])[0] if may_see(request, Report) else None
    facts: list[tuple[str, Any]] = [
        ("State", format_html("{} {}", badge(command.state), _reason(command.reason) if command.reason else "")),
        ("Follower", linked(command.account)),
        ("Copy", linked(command.copy)),
        ("Decided", format_html("{}, {}", moment(command.decided_at), _cause(command))),
    ]
    if told is not None and told.hops:
        facts.append(("Way", _way(told)))
    yield Panel("What was this follower told, and what came of it?", facts=facts)
    if told is not None:
        heads = ("Report", "Lots", "Price", "Slippage, points", "Error", "Flag", "Received")
        rows = [
            (linked(one, in_english(one.status)), lots(one.lots), exact(one.price),
             NOTHING if one.slippage_points is None else one.slippage_points, one.error_code or NOTHING,
             _flag(one.flag) if one.flag else words(""), instant(one.received_at))
            for one in told.reports
        ]  # fmt: skip
        yield Panel("What the broker said", heads, rows, none="Nothing yet.")


def _cause(command: Any) -> Any:
    if command.decision is not None:
        return linked(command.decision, "and why")
    return format_html("to repair {}", linked(command.difference))
