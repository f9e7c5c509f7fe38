from typing import Any

from django.http import HttpRequest, HttpResponse

from backoffice.permissions import LIFT_TOMBSTONE, may
from backoffice.staff.read_only_admin import ReadOnlyAdmin
from orders.models import Copy


class CopyAdmin(ReadOnlyAdmin):
    """The page of a copy that was closed by hand links to the lifting of its tombstone."""

    list_display = (
        "copy_no", "account", "symbol", "side", "state", "lots_decided", "lots_open", "price", "sl", "tp", "ticket",
        "close_cause",
    )  # fmt: skip
    list_filter = ("state", "side")
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "ticket__exact", "symbol__exact")
    search_help_text = "Start of the follower's account id (lower case), or a position, a ticket, a symbol"
    change_form_template = "backoffice/copy.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        copy = kwargs.get("obj")
        tombstoned = isinstance(copy, Copy) and copy.tombstoned_at is not None
        context["may_lift"] = tombstoned and may(request, LIFT_TOMBSTONE)
        return super().render_change_form(request, context, *args, **kwargs)
