"""The approval desk: keys that wait, and what was decided about others."""

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from backoffice.permissions import DECIDE, SEE_KEYS, may, requires
from backoffice.staff import queries
from sessions_app.queries import database_now


@require_safe
@requires(SEE_KEYS, DECIDE)
def desk(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Keys that wait, and the last decisions."""
    context = {
        **site.each_context(request),
        "title": "Approvals",
        "waiting": queries.waiting(database_now()),
        "waiting_total": queries.waiting_count(),
        "decided": queries.decided_lately(),
        "may_decide": may(request, DECIDE),
        "may_see_keys": may(request, SEE_KEYS),
    }
    return TemplateResponse(request, "backoffice/approvals.html", context)
