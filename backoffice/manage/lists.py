"""Lists of the management API: the newest first, page by page from a cursor, with filters, as those of EAs are."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.manage.door import ManageView, rows_of
from backoffice.tenants.scope import Scope
from sessions_app.rest.listing import Filters, described_page, page_of


class NoFilters(Filters):
    """A list that is read as it is."""


class ManageList(ManageView):
    """`GET` of one list. Concrete views say which rows, and how one looks."""

    filters: ClassVar[type[Filters]] = NoFilters
    item: ClassVar[type[Any]]

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        """All rows of the list.

        :raises Refused: `not_found`, for the address's own row
        """
        raise NotImplementedError

    def furnish(self, scope: Scope, rows: Sequence[Any]) -> None:
        """Put beside the rows of a page what their table does not hold: in a fixed number of queries."""

    def page(self, request: Request, **ids: UUID) -> Response:
        """One page: `items`, and `next`, the cursor of the page after it."""
        scope = rows_of(request)
        found = page_of(request.query_params, self.rows(scope, **ids), self.filters)
        self.furnish(scope, found.items)
        return found.answer(self.item(found.items, many=True).data)


def listed(
    operation_id: str, summary: str, item: type[Any], filters: type[Filters] = NoFilters
) -> Callable[[Any], Any]:
    """What the OpenAPI document says of a list of a tenant's rows."""
    return described_page(
        operation_id,
        summary=summary,
        item=item,
        filters=filters,
        _401="The token is unknown, revoked or has expired",
        _403="The scope of the token does not reach; the tenant is suspended",
        _404="The tenant has no such row",
    )
