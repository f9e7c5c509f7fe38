"""The page of maintenance windows."""

from typing import Final

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from backoffice.permissions import ANNOUNCE, requires
from sessions_app.models import MaintenanceWindow
from sessions_app.queries import database_now

PAST_ROWS: Final = 10


@require_safe
@requires(ANNOUNCE)
def page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Windows that last or are to come, and the latest ones that are over."""
    now = database_now()
    windows = MaintenanceWindow.objects.select_related("account", "tenant")
    coming = windows.filter(cancelled_at__isnull=True, ends_at__gt=now).order_by("starts_at")
    over = windows.exclude(id__in=coming.values("id")).order_by("-ends_at")
    context = {
        **site.each_context(request),
        "title": "Maintenance",
        "now": now,
        "coming": list(coming[:100]),
        "over": list(over[:PAST_ROWS]),
    }
    return TemplateResponse(request, "backoffice/maintenance.html", context)
