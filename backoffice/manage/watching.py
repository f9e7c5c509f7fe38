"""How the tenant stands, and what calls for somebody."""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.manage.door import ManageView, actor, found, rows_of, shown, token_of
from backoffice.manage.items import AlertItem, HealthItem, TokenItem
from backoffice.manage.lists import ManageList, listed
from backoffice.manage.writing import NoBody, conflicts, described, describes, written
from backoffice.tenants.health import health_of, name_currencies
from backoffice.tenants.scope import Scope
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.problems import Refused
from sessions_app.models import OperatorAlert
from sessions_app.rest.listing import Filters, Identity, OneOf
from sessions_app.services.access.management_requests import Answer
from sessions_app.services.operations import alerts

MOST: Final = 200
STAFFS: Final = frozenset({AlertCode.INTERNAL, AlertCode.POISONED_FRAME, AlertCode.NEW_EPOCH})
"""Faults of the gateway itself, seen on a tenant's account: who runs it must not miss them."""


class MeView(ManageView):
    """`/me`."""

    @described("manage_read_token", "Read whose token this is, and how far it reaches", TokenItem)
    def get(self, request: Request) -> Response:
        return shown(TokenItem(token_of(request)).data)


class HealthView(ManageView):
    """`/health`."""

    @described("manage_read_health", "Read how followers and masters stand, the worst first", HealthItem)
    def get(self, request: Request) -> Response:
        scope = rows_of(request)
        standing = health_of(scope)
        followers, masters = standing.followers[:MOST], standing.masters[:MOST]
        name_currencies(scope, (*followers, *masters))
        body = {
            "level": standing.line.level,
            "sentence": standing.line.text,
            "as_of": standing.now,
            "keys_waiting": standing.waiting,
            "differences": standing.differences,
            "missing_symbols": standing.missing,
            "followers": followers,
            "masters": masters,
            "more": max(len(standing.followers), len(standing.masters)) > MOST,
        }
        return shown(HealthItem(body).data)


# Alerts --------------------------------------------------------------------------------------------------------------


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


_STATES: Final = {
    AlertState.OPEN: Q(acknowledged_at__isnull=True, resolved_at__isnull=True),
    AlertState.ACKNOWLEDGED: Q(acknowledged_at__isnull=False),
    AlertState.RESOLVED: Q(resolved_at__isnull=False),
}


class AlertFilters(Filters):
    state = OneOf(AlertState, method="by_state")
    code = OneOf(AlertCode)
    account_id = Identity()

    def by_state(self, rows: QuerySet[Any], _name: str, state: str) -> QuerySet[Any]:
        return rows.filter(_STATES[AlertState(state)])


class AlertsView(ManageList):
    """`/alerts`."""

    filters = AlertFilters
    item = AlertItem

    @listed("manage_list_alerts", "List alerts about the accounts", AlertItem, AlertFilters)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return scope.alerts().select_related("account")


class AcknowledgeView(ManageView):
    """`/alerts/{id}/acknowledge`."""

    @describes("manage_acknowledge_alert", "Say that somebody has seen an alert", NoBody, AlertItem)
    def post(self, request: Request, alert_id: UUID) -> Response:
        scope = rows_of(request)
        row: OperatorAlert = found(scope.alerts(), alert_id)
        if row.code in STAFFS:
            raise Refused("left_to_staff", "This is a fault of the gateway: its staff acknowledges it")

        def act(sent: dict[str, Any]) -> Answer:
            with conflicts({alerts.AlreadyAcknowledged: "It was acknowledged already, or has ended by itself"}):
                alerts.acknowledge(alert_id=row.pk, by=actor(request))
            return Answer(200, AlertItem(found(scope.alerts().select_related("account"), row.pk)).data)

        return written(request, NoBody, act)
