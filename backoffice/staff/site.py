"""The admin site: Django's own admin for reading, and our pages beside it."""

from functools import cache, wraps
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse

from backoffice.actions import page
from backoffice.actions.action import Action
from backoffice.actions.registry import ACTIONS
from backoffice.permissions import ANNOUNCE, DECIDE, SEE_ACTS, SEE_KEYS, SEE_SESSIONS, View, may
from backoffice.refusals import signed_out, was_typed
from backoffice.sign_in import owes_second_factor
from backoffice.staff import approval_desk, audit, maintenance, monitoring, queries


class GatewaySite(AdminSite):
    """Adds the approval desk, monitoring, maintenance, and a page for each action."""

    site_title = "EA Gateway"
    site_header = "EA Gateway"
    index_title = "All tables"
    site_url = None
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            self._page("monitoring/", monitoring.page, "monitoring"),
            path("monitoring/numbers/", monitoring.numbers, {"site": self}, name="monitoring_numbers"),
            self._page("approvals/", approval_desk.page, "approvals"),
            self._page("maintenance/", maintenance.page, "maintenance"),
            self._page("audit/", audit.page, "audit"),
            self._page("audit/audit.csv", audit.export, "audit_export"),
            *(self._action(action) for action in ACTIONS.values()),
            *super().get_urls(),
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, and with a second factor where the deployment demands one: every address of the admin asks this."""
        return super().has_permission(request) and not owes_second_factor(request)

    def admin_view(  # type: ignore[override]  # what comes out is no longer what went in
        self, view: View, cacheable: bool = False
    ) -> View:
        """Its pages, and for a form that comes when the session is over a page that shows what was typed."""
        opened = super().admin_view(view, cacheable)

        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return signed_out(request) if was_typed(request) else opened(request, *args, **kwargs)

        return asked

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the one page where people sign in; or to what a person owes before he may come in."""
        if owes_second_factor(request):
            return redirect("profile:second_factor")
        leads_to = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect_to_login(leads_to, reverse("sign_in"))

    def password_change(  # type: ignore[override]  # a redirect is no page
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the one page of passwords, which ends other sessions and writes it down."""
        return redirect("profile:password")

    def _action(self, action: Action) -> URLPattern:
        row = "" if action.makes or action.many else "<uuid:row_id>/"
        route = f"actions/{action.noun._meta.model_name}/{row}{action.name}/"
        return path(route, self.admin_view(_act), {"site": self, "action": action}, name=action.name)

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
            "sees_audit": may(request, *SEE_ACTS),
            # Called by the pages that show it, once; a lazy object would be no number to their filters.
            "waiting_keys": cache(queries.waiting_count) if sees_keys else 0,
        }


def _act(request: HttpRequest, **ids: Any) -> HttpResponseBase:
    """The page of an action; figures that were kept from before it are no longer shown."""
    answer = page.perform(request, **ids)
    if request.method == "POST":
        monitoring.forget()
    return answer


site: Final = GatewaySite(name="admin")
