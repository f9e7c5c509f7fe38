"""Lists of what the token's own account was told to do, and what it reported."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from orders import queries
from orders.api.serializers import CommandBody, ReportBody
from orders.domain.states.commands import CommandState
from orders.domain.wire.intents import Action, Cause
from orders.domain.wire.reports import ReportStatus
from orders.models import Command, Report
from sessions_app.rest.listing import Filters, Identity, ListView, Number, OneOf, Word, described
from sessions_app.rest.scope import Scope

_NO_STRANGER = "The key is not approved yet"


class CommandFilters(Filters):
    state = OneOf(CommandState)
    action = OneOf(Action)
    symbol = Word()


class CommandsView(ListView):
    """`GET /sessions/{id}/commands`: the account's commands."""

    filters = CommandFilters
    item = CommandBody

    @described("list_commands", summary="List the own commands", item=item, filters=filters, _403=_NO_STRANGER)
    def get(self, request: Request, session_id: UUID) -> Response:
        return self.page(request, session_id)

    def rows(self, scope: Scope) -> QuerySet[Command]:
        return queries.commands_of(scope.account_pk)


class ReportFilters(Filters):
    status = OneOf(ReportStatus)
    cause = OneOf(Cause)
    ticket = Number()
    command_id = Identity()


class ReportsView(ListView):
    """`GET /sessions/{id}/reports`: the account's reports."""

    filters = ReportFilters
    item = ReportBody

    @described("list_reports", summary="List the own reports", item=item, filters=filters, _403=_NO_STRANGER)
    def get(self, request: Request, session_id: UUID) -> Response:
        return self.page(request, session_id)

    def rows(self, scope: Scope) -> QuerySet[Report]:
        return queries.reports_of(scope.account_pk)
