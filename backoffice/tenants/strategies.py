"""Strategies and who follows them, with what."""

from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice import audit
from backoffice.templatetags.outside import NOTHING
from backoffice.templatetags.spoken import in_words
from backoffice.tenants.pages import Visit, found, listed, member_page, searched
from backoffice.tenants.setting_form import help_of
from backoffice.tenants.trades import OPENINGS
from backoffice.terminals import Terminal
from orders.domain.decision.settings import SETTINGS
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Strategy, Subscription
from sessions_app.queries import database_now

LAST: Final = 10


@member_page
def strategies(visit: Visit) -> HttpResponseBase:
    active = Count("subscriptions", filter=Q(subscriptions__state=SubscriptionState.ACTIVE))
    rows = visit.scope.strategies().select_related("master").annotate(active=active, followers=Count("subscriptions"))
    page = listed(visit.request, rows.order_by("name", "id"))
    living = visit.scope.living([row.master_id for row in page.rows])
    now = database_now()
    shown = [(row, _terminal(living.get(row.master_id), now)) for row in page.rows]
    return visit.show("strategies", gettext("Strategies"), page=page, shown=shown)


@member_page
def strategy(visit: Visit, strategy_id: UUID) -> HttpResponseBase:
    row: Strategy = found(visit.scope.strategies().select_related("master"), strategy_id)
    followers = visit.scope.subscriptions().filter(strategy=row).select_related("follower")
    page = listed(visit.request, followers.order_by("follower__account_id"))
    living = visit.scope.living([row.master_id, *(one.follower_id for one in page.rows)])
    now = database_now()
    last = visit.scope.intents().filter(account=row.master, action__in=OPENINGS, repeated=False).order_by("-id")
    return visit.show(
        "strategy",
        gettext("Who follows, with what?"),
        strategy=row,
        master=_terminal(living.get(row.master_id), now),
        page=page,
        shown=[(one, _terminal(living.get(one.follower_id), now)) for one in page.rows],
        last=list(last[:LAST]),
    )


@member_page
def subscriptions(visit: Visit) -> HttpResponseBase:
    text = searched(visit.request)
    rows = visit.scope.subscriptions().select_related("follower", "strategy")
    if text:
        named = Q(follower__account_id__icontains=text.lower()) | Q(strategy__name__istartswith=text)
        rows = rows.filter(named)
    return visit.show(
        "subscriptions",
        gettext("Subscriptions"),
        text=text,
        may_subscribe=visit.may("tenants:subscribe"),
        may_act=visit.may("tenants:pause"),
        may_edit=visit.may("tenants:edit_subscription"),
        page=listed(visit.request, rows.order_by("strategy__name", "follower__account_id")),
    )


@member_page
def subscription(visit: Visit, subscription_id: UUID) -> HttpResponseBase:
    rows = visit.scope.subscriptions().select_related("follower", "strategy__master")
    row: Subscription = found(rows, subscription_id)
    decisions = visit.scope.decisions().filter(subscription=row).select_related("intent").order_by("-id")
    acts = audit.acts(visit.scope, LAST, asked=audit.Asked(subscription=row.pk))
    return visit.show(
        "subscription",
        gettext("What is copied, and how?"),
        subscription=row,
        changed=settings_of(row, changed=True),
        may_act=visit.may("tenants:pause"),
        may_edit=visit.may("tenants:edit_subscription"),
        defaults=settings_of(row, changed=False),
        decisions=list(decisions[:LAST]),
        acts=acts,
        without_addresses=not visit.may("tenants:audit"),
    )


def settings_of(row: Subscription, *, changed: bool) -> list[tuple[str, str, str]]:
    """Name, value and what it does, of every setting that differs from its default, or of those that do not."""
    shown = []
    for setting in SETTINGS.rows:
        value = getattr(row, setting.name)
        value = setting.default if value is None else value
        if (value != setting.default) is changed:
            shown.append((gettext(setting.title), _written(value), help_of(setting)))
    return shown


def _written(value: Any) -> str:
    return NOTHING if value is None or value in ("", {}) else in_words(value)


def _terminal(session: Any, now: Any) -> Terminal | None:
    return None if session is None else Terminal.of(session, now)
