"""Members, and what people and programs did."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit import acts
from backoffice.manage.door import ManageView, actor, found, rows_of, shown
from backoffice.manage.items import ActItem, MemberItem
from backoffice.manage.lists import ManageList, NoFilters, listed
from backoffice.manage.writing import NoBody, RoleBody, conflicts, described, describes, written
from backoffice.tenants.scope import Scope
from sessions_app.models import Member
from sessions_app.rest.listing import Found, paging
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import members
from sessions_app.services.access.management_requests import Answer


class MembersView(ManageList):
    """`/members`."""

    item = MemberItem

    @listed("manage_list_members", "List members", MemberItem)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return scope.members().select_related("user")


class MemberView(ManageView):
    """`/members/{id}`."""

    @described("manage_read_member", "Read a member", MemberItem)
    def get(self, request: Request, member_id: UUID) -> Response:
        return shown(MemberItem(_asked(request, member_id)).data)

    @describes("manage_change_role", "Give a member another role", RoleBody, MemberItem)
    def put(self, request: Request, member_id: UUID) -> Response:
        row = _asked(request, member_id)

        def act(sent: dict[str, Any]) -> Answer:
            refused = dict.fromkeys((members.SameRole, members.LastOwner, members.MemberChanged), "Not done: {why}")
            with conflicts(refused):
                members.change_role(row=row, role=sent["role"], by=actor(request), address=peer_address(request))
            return Answer(200, MemberItem(_asked(request, member_id)).data)

        return written(request, RoleBody, act)

    @describes("manage_remove_member", "Remove a member", None, None, status=204)
    def delete(self, request: Request, member_id: UUID) -> Response:
        def act(sent: dict[str, Any]) -> Answer:
            row = _asked(request, member_id)  # here, for a repeat finds nobody and is answered all the same
            with conflicts(dict.fromkeys((members.LastOwner, members.MemberChanged), "Not done: {why}")):
                members.remove(row=row, by=actor(request), address=peer_address(request))
            return Answer(204)

        return written(request, NoBody, act)


def _asked(request: Request, member_id: UUID) -> Member:
    row: Member = found(rows_of(request).members().select_related("user"), member_id)
    return row


class AuditView(ManageView):
    """`/audit`: several tables in one list, merged here."""

    @listed("manage_list_audit", "List what people and programs did", ActItem)
    def get(self, request: Request) -> Response:
        limit, before = paging(request.query_params, known=set(NoFilters.base_filters))
        rows = acts(rows_of(request), limit + 1, before)
        page = Found(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
        return page.answer(ActItem(page.items, many=True).data)
