"""The admin site: Django's own admin for reading, and our pages beside it."""

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, path

from backoffice import queries
from backoffice.actions import alerts, differences, page, subscriptions
from backoffice.actions.registry import ACTS, Act
from backoffice.permissions import ANNOUNCE, DECIDE, SEE_KEYS, SEE_SESSIONS, View, may
from backoffice.staff import approval_desk, maintenance, monitoring


class GatewaySite(AdminSite):
    """Adds the approval desk and the monitoring page."""

    site_title = "EA Gateway"
    site_header = "EA Gateway"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            self._page("monitoring/", monitoring.page, "monitoring"),
            path("monitoring/numbers/", monitoring.numbers, {"site": self}, name="monitoring_numbers"),
            self._page("approvals/", approval_desk.desk, "approvals"),
            self._page("approvals/<uuid:key_id>/approve/", approval_desk.approve, "approve_key"),
            self._page("approvals/<uuid:key_id>/reject/", approval_desk.reject, "reject_key"),
            self._page("approvals/<uuid:key_id>/revoke/", approval_desk.revoke, "revoke_key"),
            self._page("alerts/<uuid:alert_id>/acknowledge/", alerts.acknowledge, "acknowledge_alert"),
            self._page(
                "subscriptions/<uuid:subscription_id>/<slug:state>/",
                subscriptions.change_state,
                "change_subscription_state",
            ),
            self._page("copies/<uuid:copy_id>/lift/", subscriptions.lift_tombstone, "lift_tombstone"),
            *(self._act(name, act) for name, act in ACTS.items()),
            self._page("differences/<uuid:difference_id>/accept/", differences.accept, "accept_difference"),
            self._page("accounts/<uuid:account_id>/held/let-go/", differences.let_go, "let_go_held"),
            self._page("accounts/<uuid:account_id>/held/keep/", differences.keep, "keep_held"),
            self._page("accounts/<uuid:account_id>/snapshot/", differences.ask, "ask_snapshot"),
            self._page("maintenance/", maintenance.page, "maintenance"),
            self._page("maintenance/announce/", maintenance.announce, "announce_maintenance"),
            self._page("maintenance/<uuid:window_id>/cancel/", maintenance.cancel, "cancel_maintenance"),
            *super().get_urls(),
        ]

    def _act(self, name: str, act: Act) -> URLPattern:
        place = f"{act.model._meta.model_name}s/{'' if act.open is None else '<uuid:row_id>/'}{name}/"
        return path(f"acts/{place}", self.admin_view(page.perform), {"site": self, "act_name": name}, name=name)

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
