"""What is copied, and how? Who has paused it and why, and what was decided last; its settings are the fields below."""

from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.utils.html import format_html

from backoffice.foreign import foreign
from backoffice.one_trade import sizing
from backoffice.staff import short_words
from backoffice.staff.panels.panel import Panel, badge, linked, list_of, may_see
from backoffice.templatetags.outside import exact, moment, outside
from backoffice.templatetags.spoken import in_english
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Decision, SubscriptionEvent

LATEST: Final = 10
_why: Final = short_words.shower(Decision, "code", on_page=True)


def of_subscription(request: HttpRequest, subscription: Any) -> Iterator[Panel]:
    """Its state, and what people and rules did."""
    sees_events = may_see(request, SubscriptionEvent)
    events = list(subscription.events.order_by("-id")[:LATEST]) if sees_events else []
    yield _state(subscription, events)
    if may_see(request, Decision):
        yield _decisions(subscription)
    if sees_events:
        rows = [
            (moment(one.at), f"{in_english(one.from_state) or 'new'} to {in_english(one.to_state)}",
             outside(one.actor), outside(one.note))
            for one in events
        ]  # fmt: skip
        on = ("Every act", list_of(SubscriptionEvent, subscription__id__exact=subscription.pk))
        yield Panel("What people did", ("When", "What", "By", "Why"), rows, none="Nothing yet.", on=on)


def _state(subscription: Any, events: list[SubscriptionEvent]) -> Panel:
    state = badge(subscription.state)
    last = next((one for one in events if one.to_state == subscription.state), None)
    if subscription.state != SubscriptionState.ACTIVE and last is not None:
        since, by = moment(last.at), foreign(last.actor)
        state = format_html("{} since {} by {}: {}", state, since, by, outside(last.note))
    facts = [
        ("State", state),
        ("Follower", linked(subscription.follower)),
        ("Strategy", linked(subscription.strategy)),
        ("Master", linked(subscription.strategy.master)),
        ("Sizing", f"{in_english(subscription.mode)}, {exact(subscription.multiplier)} x"),
    ]
    return Panel("What is copied, and how?", facts=facts)


def _decisions(subscription: Any) -> Panel:
    found = Decision.objects.filter(subscription=subscription).select_related("intent").order_by("-id")[:LATEST]
    rows = [
        (
            linked(one, f"{in_english(one.intent.action)} {one.intent.symbol} #{one.intent.position_id}"),
            badge(one.outcome),
            _why(one.code) if one.code else sizing(one.steps),
            moment(one.decided_at),
        )
        for one in found
    ]
    on = ("Every decision", list_of(Decision, subscription__id__exact=subscription.pk))
    heads = ("Trade", "Outcome", "Sizing, or why not", "Decided")
    return Panel("What was decided last", heads, rows, none="Nothing was decided yet.", on=on)
