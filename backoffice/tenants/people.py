"""Members, and what people did."""

from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice import audit
from backoffice.policy import ROLES
from backoffice.tenants.pages import ROWS, Visit, listed, member_page
from sessions_app.queries import database_now


@member_page
def members(visit: Visit) -> HttpResponseBase:
    rows = visit.scope.members().select_related("user").order_by("user__username")
    may_invite = visit.may("tenants:invite")
    invited = list(visit.scope.standing_invitations(database_now())) if may_invite else []
    page = listed(visit.request, rows)
    may = {"may_invite": may_invite, "may_change": visit.may("tenants:change_role")}
    return visit.show("members", gettext("Members"), page=page, roles=ROLES, invited=invited, **may)


@member_page
def acts(visit: Visit) -> HttpResponseBase:
    page = audit.page(visit.scope, visit.request.GET, ROWS)
    return visit.show("audit", gettext("What did people do?"), page=page, csv=visit.address("tenants:export", "audit"))
