"""Maintenance windows: GET and the first POST show what will happen, the second POST does it."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.actions.maintenance_forms import WindowForm
from backoffice.permissions import ANNOUNCE, requires
from sessions_app.models import MaintenanceWindow
from sessions_app.queries import database_now
from sessions_app.services.operations import maintenance
from sessions_app.services.operations.history import Actor
from sessions_app.services.operations.maintenance import AlreadyOver, NotAnnounceable

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


@require_http_methods(["GET", "HEAD", "POST"])
@requires(ANNOUNCE)
def announce(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The form; then what it would do; then it is done."""
    form = WindowForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {**site.each_context(request), "title": "Announce maintenance", "form": form}
    if form.is_valid():
        if request.POST.get("sure") != "yes":
            context |= _preview(form)
        elif _announce(request, form):
            return redirect("admin:maintenance")
    return TemplateResponse(request, "backoffice/announce.html", context)


def _preview(form: WindowForm) -> dict[str, Any]:
    told = form.cleaned_data
    accounts, sessions = maintenance.concerned(form.plan())
    return {
        "title": "Announce this maintenance?",
        "plan": told,
        "whom": told["account"] or told["tenant"] or "all accounts",
        "accounts": accounts,
        "sessions": sessions,
    }


def _announce(request: HttpRequest, form: WindowForm) -> bool:
    try:
        window = maintenance.announce(plan=form.plan(), by=_actor(request))
    except NotAnnounceable as why:
        form.add_error("ends_at", f"{why}.")
        return False
    messages.success(request, f"Announced for {window.whom}: {window.reason}")
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@requires(ANNOUNCE)
def cancel(request: HttpRequest, site: AdminSite, window_id: UUID) -> HttpResponseBase:
    """Take a window back, or end it now."""
    window = MaintenanceWindow.objects.select_related("account", "tenant").filter(id=window_id).first()
    if window is None:
        raise Http404
    if request.method == "POST":
        try:
            maintenance.cancel(window_id=window_id, by=_actor(request))
            messages.success(request, f"Cancelled for {window.whom}: {window.reason}")
        except AlreadyOver:
            messages.error(request, "Nothing changed: this window is over or cancelled already.")
        return redirect("admin:maintenance")
    lasts = window.starts_at <= database_now()
    context = {
        **site.each_context(request),
        "title": "Cancel this maintenance?",
        "window": window,
        "lasts": lasts,
        "told": window.notices.count(),
    }
    return TemplateResponse(request, "backoffice/cancel_maintenance.html", context)


def _actor(request: HttpRequest) -> Actor:
    return Actor(name=request.user.get_username(), user_id=request.user.pk)
