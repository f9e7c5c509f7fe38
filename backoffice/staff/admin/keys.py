from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.permissions import DECIDE, REVOKE, may
from backoffice.staff.action_admin import ActingAdmin
from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AuthKey


class AuthKeyAdmin(ActingAdmin):
    """Its page links to the decisions that are open for its key. The hash is shown nowhere."""

    list_display = (
        "short_fingerprint",
        "account",
        "state",
        "requested_at",
        "requested_from",
        "decided_at",
        "decided_as",
    )
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "fingerprint__startswith", "requested_from__exact")
    search_help_text = "Start of the account id (lower case) or of the fingerprint, or the address it came from"
    fields = (
        "account", "fingerprint", "state", "requested_at", "requested_from", "decided_at", "decided_as",
        "decision_reason", "retires_at",
    )  # fmt: skip
    change_form_template = "backoffice/key.html"

    @admin.display(description="key", ordering="fingerprint")
    def short_fingerprint(self, key: AuthKey) -> str:
        """As the approval desk shows it."""
        return key.fingerprint[:12]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        key = kwargs.get("obj")
        state = key.state if isinstance(key, AuthKey) else ""
        context["may_decide"] = state == KeyState.PENDING and may(request, DECIDE)
        context["may_revoke"] = state == KeyState.APPROVED and may(request, REVOKE)
        return super().render_change_form(request, context, *args, **kwargs)
