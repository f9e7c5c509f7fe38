"""Open alerts: GET shows one and what it means, POST says that somebody has seen it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from backoffice.permissions import ACKNOWLEDGE, SEE_SESSIONS, may, requires
from sessions_app import queries
from sessions_app.services.operations import alerts
from sessions_app.services.operations.alerts import AlreadyAcknowledged
from sessions_app.services.operations.history import Actor


@require_http_methods(["GET", "HEAD", "POST"])
@requires(ACKNOWLEDGE)
def acknowledge(request: HttpRequest, site: AdminSite, alert_id: UUID) -> HttpResponseBase:
    """The confirm page of one open alert."""
    alert = queries.open_alerts().filter(id=alert_id).first()
    if request.method == "POST":
        _acknowledge(request, alert_id)
        return _leave(request)
    if alert is None:
        raise Http404
    context = {**site.each_context(request), "title": "Acknowledge this alert?", "alert": alert}
    return TemplateResponse(request, "backoffice/alert.html", context)


def _acknowledge(request: HttpRequest, alert_id: UUID) -> None:
    by = Actor(name=request.user.get_username(), user_id=request.user.pk)
    try:
        alert = alerts.acknowledge(alert_id=alert_id, by=by)
        messages.success(request, f"Acknowledged: {alert.text}")
    except AlreadyAcknowledged as first:
        messages.error(request, f"Nothing changed: {first}.")


def _leave(request: HttpRequest) -> HttpResponseBase:
    return redirect("admin:monitoring" if may(request, SEE_SESSIONS) else "admin:index")
