"""The admin site: Django's own admin for reading, and our pages beside it."""

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from backoffice.actions import page
from backoffice.actions.action import Action
from backoffice.actions.registry import ACTIONS
from backoffice.permissions import ANNOUNCE, DECIDE, SEE_KEYS, SEE_SESSIONS, View, may
from backoffice.sign_in import SignInForm, too_many
from backoffice.staff import approval_desk, maintenance, monitoring, queries
from sessions_app.services.access.sign_ins import SignInThrottled


class StaffSignInForm(SignInForm, AdminAuthenticationForm):
    """For the staff alone."""


class GatewaySite(AdminSite):
    """Adds the approval desk, monitoring, maintenance, and a page for each action."""

    site_title = "EA Gateway"
    site_header = "EA Gateway"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False
    login_form = StaffSignInForm

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            self._page("monitoring/", monitoring.page, "monitoring"),
            path("monitoring/numbers/", monitoring.numbers, {"site": self}, name="monitoring_numbers"),
            self._page("approvals/", approval_desk.desk, "approvals"),
            self._page("maintenance/", maintenance.page, "maintenance"),
            *(self._action(action) for action in ACTIONS.values()),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's own page, where tries are bounded and written down."""
        try:
            return super().login(request, extra_context)
        except SignInThrottled as throttled:
            context = {**self.each_context(request), "title": "Log in"}
            return too_many(request, "backoffice/too_many.html", context, throttled)

    def _action(self, action: Action) -> URLPattern:
        row = "" if action.makes else "<uuid:row_id>/"
        route = f"actions/{action.noun._meta.model_name}/{row}{action.name}/"
        return path(route, self.admin_view(page.perform), {"site": self, "action": action}, name=action.name)

    def _page(self, route: str, view: View, name: str) -> URLPattern:
        return path(route, self.admin_view(view), {"site": self}, name=name)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page shows: the way to our pages, and how many keys wait."""
        sees_keys = may(request, SEE_KEYS, DECIDE)
        return {
            **super().each_context(request),
            "sees_monitoring": may(request, SEE_SESSIONS),
            "sees_approvals": sees_keys,
            "sees_maintenance": may(request, ANNOUNCE),
            "waiting_keys": queries.waiting_count() if sees_keys else 0,
        }


site: Final = GatewaySite(name="admin")
