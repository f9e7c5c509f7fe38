"""Strategies and subscriptions: listed, made, changed, tried beforehand, led back, paused and resumed."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.actions.action import Sentences
from backoffice.manage.door import ManageView, actor, found, rows_of, shown
from backoffice.manage.items import (
    PreviewAnswer,
    SettingsItem,
    StrategyItem,
    SubscriptionItem,
    VersionItem,
)
from backoffice.manage.lists import ManageList, listed
from backoffice.manage.writing import (
    PreviewBody,
    ReasonBody,
    RestoreBody,
    SettingsBody,
    SettingsPreviewBody,
    SubscribeBody,
    conflicts,
    described,
    describes,
    sent_with,
    written,
)
from backoffice.tenants.scope import Scope
from backoffice.tenants.subscribing import Shown
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.settings import settings_of
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Strategy, Subscription
from orders.services.subscriptions import lifecycle, preview
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount
from sessions_app.rest.listing import Filters, Identity, OneOf
from sessions_app.services.access.management_requests import Answer

_CYCLE: Final[Sentences] = {lifecycle.CopyCycle: "Not possible: {why}"}


# Strategies ----------------------------------------------------------------------------------------------------------


def _strategies(scope: Scope) -> QuerySet[Strategy]:
    active = Count("subscriptions", filter=Q(subscriptions__state=SubscriptionState.ACTIVE))
    return scope.strategies().select_related("master").annotate(active=active, followers=Count("subscriptions"))


class StrategiesView(ManageList):
    """`/strategies`."""

    item = StrategyItem

    @listed("manage_list_strategies", "List strategies", StrategyItem)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return _strategies(scope)


class StrategyView(ManageView):
    """`/strategies/{id}`."""

    @described("manage_read_strategy", "Read a strategy", StrategyItem)
    def get(self, request: Request, strategy_id: UUID) -> Response:
        return shown(StrategyItem(found(_strategies(rows_of(request)), strategy_id)).data)


# Subscriptions -------------------------------------------------------------------------------------------------------


def _subscriptions(scope: Scope) -> QuerySet[Subscription]:
    return scope.subscriptions().select_related("follower", "strategy__master")


def _asked(request: Request, subscription_id: UUID) -> Subscription:
    row: Subscription = found(_subscriptions(rows_of(request)), subscription_id)
    return row


class SubscriptionFilters(Filters):
    strategy_id = Identity()
    follower_id = Identity()
    state = OneOf(SubscriptionState)


class SubscriptionsView(ManageList):
    """`/subscriptions`."""

    filters = SubscriptionFilters
    item = SubscriptionItem

    @listed("manage_list_subscriptions", "List subscriptions", SubscriptionItem, SubscriptionFilters)
    def get(self, request: Request) -> Response:
        return self.page(request)

    @describes("manage_subscribe", "Let a follower copy a strategy", SubscribeBody, SubscriptionItem, status=201)
    def post(self, request: Request) -> Response:
        scope, by = rows_of(request), actor(request)

        def act(sent: dict[str, Any]) -> Answer:
            strategy, follower = _pair(scope, sent)
            told: Sentences = {
                **_CYCLE,
                lifecycle.AlreadySubscribed: "It copies this strategy already: change its subscription",
                lifecycle.OwnMaster: "The follower is the master of this strategy",
            }
            with conflicts(told):
                row = lifecycle.subscribe(
                    strategy=strategy,
                    follower=follower,
                    wanted=sent.get("settings") or Settings(),
                    by=by,
                    note=sent["reason"],
                )
            return Answer(201, SubscriptionItem(row).data)

        return written(request, SubscribeBody, act)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return _subscriptions(scope)


class SubscriptionView(ManageView):
    """`/subscriptions/{id}`."""

    @described("manage_read_subscription", "Read a subscription", SubscriptionItem)
    def get(self, request: Request, subscription_id: UUID) -> Response:
        return shown(SubscriptionItem(_asked(request, subscription_id)).data)


def _pair(scope: Scope, sent: dict[str, Any]) -> tuple[Strategy, BrokerAccount]:
    """The strategy and the follower that a body names.

    :raises Refused: `not_found`, with the path of the one that the tenant does not have
    """
    strategy = scope.strategies().select_related("master", "tenant").filter(pk=sent["strategy_id"]).first()
    if strategy is None:
        raise Refused("not_found", "The tenant has no such strategy", path="strategy_id")
    follower = scope.accounts().filter(pk=sent["follower_id"]).first()
    if follower is None:
        raise Refused("not_found", "The tenant has no such account", path="follower_id")
    return strategy, follower


# Settings and their versions -----------------------------------------------------------------------------------------


class SettingsView(ManageView):
    """`/subscriptions/{id}/settings`."""

    @described("manage_read_settings", "Read a subscription's settings", SettingsItem)
    def get(self, request: Request, subscription_id: UUID) -> Response:
        return shown(SettingsItem(_asked(request, subscription_id)).data)

    @describes("manage_change_settings", "Give a subscription other settings", SettingsBody, SettingsItem)
    def put(self, request: Request, subscription_id: UUID) -> Response:
        row = _asked(request, subscription_id)
        return written(request, SettingsBody, lambda sent: _changed(request, row, sent["settings"], sent))


class RestoreView(ManageView):
    """`/subscriptions/{id}/restore`."""

    @describes("manage_restore_version", "Go back to an earlier version of the settings", RestoreBody, SettingsItem)
    def post(self, request: Request, subscription_id: UUID) -> Response:
        row = _asked(request, subscription_id)

        def act(sent: dict[str, Any]) -> Answer:
            old = rows_of(request).versions().filter(subscription=row, number=sent["number"]).first()
            if old is None:
                raise Refused("not_found", "The subscription has no such version", path="number")
            wanted, mistakes = settings_of(old.settings, SETTINGS)
            if mistakes:
                raise Refused("conflict", "This release does not take the settings of that version any more")
            return _changed(request, row, wanted, sent)

        return written(request, RestoreBody, act)


def _changed(request: Request, row: Subscription, wanted: Settings, sent: dict[str, Any]) -> Answer:
    late: Sentences = {lifecycle.SettingsChanged: "Somebody else has changed these settings since: read them again"}
    with conflicts({**late, **_CYCLE}):
        after = lifecycle.change_settings(
            subscription_id=row.pk,
            wanted=wanted,
            version=sent["version"],
            by=actor(request),
            note=sent["reason"],
        )
    return Answer(200, SettingsItem(Subscription.objects.get(pk=after.pk)).data)


class VersionsView(ManageList):
    """`/subscriptions/{id}/versions`."""

    item = VersionItem

    @listed("manage_list_versions", "List the versions of a subscription's settings", VersionItem)
    def get(self, request: Request, subscription_id: UUID) -> Response:
        return self.page(request, subscription_id=subscription_id)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        row = found(scope.subscriptions(), ids["subscription_id"])
        return scope.versions().filter(subscription=row)


# Previews ------------------------------------------------------------------------------------------------------------


class PreviewView(ManageView):
    """`/subscriptions/preview`."""

    @describes(
        "manage_preview", "Try the settings of a subscription that is not there yet", PreviewBody, PreviewAnswer,
        once=False,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        sent = sent_with(request, PreviewBody)
        strategy, follower = _pair(rows_of(request), sent)
        return _previewed(strategy, follower, sent.get("settings") or Settings())


class PreviewSettingsView(ManageView):
    """`/subscriptions/{id}/preview`."""

    @describes(
        "manage_preview_settings", "Try other settings of a subscription", SettingsPreviewBody, PreviewAnswer,
        once=False,
    )  # fmt: skip
    def post(self, request: Request, subscription_id: UUID) -> Response:
        row = _asked(request, subscription_id)
        sent = sent_with(request, SettingsPreviewBody)
        return _previewed(row.strategy, row.follower, sent["settings"])


def _previewed(strategy: Strategy, follower: BrokerAccount, wanted: Settings) -> Response:
    trades = preview.last_trades(strategy=strategy, follower=follower, wanted=wanted)
    return shown(PreviewAnswer({"items": _tried(trades)}).data)


def _tried(trades: Sequence[preview.Previewed]) -> list[dict[str, Any]]:
    return [
        {
            "intent_id": one.intent.pk,
            "symbol": one.intent.symbol,
            "received_at": one.intent.received_at,
            "outcome": Shown(one, None).outcome,
            "code": one.decided.code or "" if one.decided else "",
            "why": Shown(one, None).why,
            "lots": one.lots,
        }
        for one in trades
    ]


# Pause and resume ----------------------------------------------------------------------------------------------------


class PauseView(ManageView):
    """`/subscriptions/{id}/pause`."""

    @describes("manage_pause", "Copy nothing new; closes go on", ReasonBody, SubscriptionItem)
    def post(self, request: Request, subscription_id: UUID) -> Response:
        return _moved(request, _asked(request, subscription_id), SubscriptionState.CLOSE_ONLY)


class ResumeView(ManageView):
    """`/subscriptions/{id}/resume`."""

    @describes("manage_resume", "Copy new trades again", ReasonBody, SubscriptionItem)
    def post(self, request: Request, subscription_id: UUID) -> Response:
        return _moved(request, _asked(request, subscription_id), SubscriptionState.ACTIVE)


def _moved(request: Request, row: Subscription, state: SubscriptionState) -> Response:
    def act(sent: dict[str, Any]) -> Answer:
        with conflicts({**_CYCLE, lifecycle.StateUnchanged: "It is in that state already, or was moved meanwhile"}):
            after = lifecycle.change_state(subscription_id=row.pk, state=state, by=actor(request), note=sent["reason"])
        return Answer(200, SubscriptionItem(after).data)

    return written(request, ReasonBody, act)
