from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.permissions import DECIDE_DIFFERENCE, may
from backoffice.staff.action_admin import ActingAdmin
from sessions_app.models import BrokerAccount


class BrokerAccountAdmin(ActingAdmin):
    """Its page leads to asking the account's terminal what it holds."""

    list_display = ("claimed_as", "tenant", "balance", "equity", "funds_at", "waiting_commands", "suspended_at")
    list_filter = (
        ("tenant", admin.EmptyFieldListFilter),
        ("suspended_at", admin.EmptyFieldListFilter),
        "needs_snapshot",
    )
    list_select_related = ("tenant",)
    search_fields = ("account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the account id (lower case) or of the tenant's name"
    change_form_template = "backoffice/account.html"

    @admin.display(description="not acknowledged")
    def waiting_commands(self, account: BrokerAccount) -> int:
        """Numbered commands that the EA has not acknowledged."""
        return account.next_seq - 1 - account.acked_seq

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["may_ask"] = may(request, DECIDE_DIFFERENCE)
        return super().render_change_form(request, context, *args, **kwargs)
