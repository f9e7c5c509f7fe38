"""What must be looked at in this tenant, and which of it comes by mail."""

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext

from backoffice import alert_mails
from backoffice.tenants.pages import ROWS, Visit, listed, member_act, member_page
from sessions_app.models import Role


@member_page
def alerts(visit: Visit) -> HttpResponseBase:
    """Those that stand; and below, page by page, those that are over or that somebody has seen."""
    rows = visit.scope.alerts().select_related("account").order_by("-at")
    standing = list(rows.filter(acknowledged_at=None, resolved_at=None)[: ROWS + 1])
    page = listed(visit.request, rows.exclude(acknowledged_at=None, resolved_at=None))
    context = {"standing": standing[:ROWS], "more": len(standing) > ROWS, "page": page}
    return visit.show("alerts", gettext("What must somebody look at?"), **context)


@member_act
def mails(visit: Visit) -> HttpResponseBase:
    """One's own choice; others' are not seen."""
    form = alert_mails.filled(
        visit.request,
        user_id=visit.member.user_id,
        tenant_id=visit.scope.tenant.pk,
        codes=alert_mails.of_tenants(),
        acts=visit.member.role != Role.VIEWER,
    )
    if form is None:
        return redirect(visit.address("tenants:alert_mails"))
    return visit.show("alert_mails", gettext("Which alerts come to you by mail?"), form=form)
