"""What terminals hold, and where that differs from our books."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.permissions import DECIDE_DIFFERENCE, may
from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables, one_of
from orders.domain.states.differences import DifferenceState, may_decide
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models import Difference, DifferenceEvent, Snapshot


class SnapshotAdmin(ReadOnlyAdmin):
    """The last book of each account, and the last one that a pending session of it told."""

    list_display = ("account", "pending", "taken_at", "received_at", "applied_seq", "hash")
    list_filter = ("pending",)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Start of the account id (lower case)"
    fields = ("account", "session", "pending", "taken_at", "received_at", "applied_seq", "hash", "content")


class DifferenceAdmin(ReadOnlyAdmin):
    """Its page tells how it came and went, and links to the decisions that are open for it."""

    list_display = (
        "opened_at", "account", "kind", "severity", "state", "symbol", "copy_no", "ticket", "expected", "actual",
        "reason",
    )  # fmt: skip
    list_filter = (
        one_of("state", DifferenceState), one_of("kind", DifferenceKind), one_of("severity", DifferenceSeverity),
        ("opened_at", admin.DateFieldListFilter),
    )  # fmt: skip
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "copy_no__exact", "ticket__exact", "symbol__exact")
    search_help_text = "Start of the account id (lower case), or a copy number, a ticket, a symbol"
    fields = (
        "account", "kind", "severity", "state", "symbol", "copy", "copy_no", "ticket", "expected", "actual", "reason",
        "opened_at", "seen_at", "closed_at",
    )  # fmt: skip
    change_form_template = "backoffice/difference.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if isinstance(row, Difference):
            decides = may(request, DECIDE_DIFFERENCE)
            context["events"] = list(row.events.order_by("at", "id")[:100])
            context["commands"] = list(row.commands.order_by("attempt")[:20])
            kind, state = DifferenceKind(row.kind), DifferenceState(row.state)
            context["may_accept"] = decides and may_decide(kind, state, DifferenceState.ACCEPTED)
            context["may_let_go"] = decides and may_decide(kind, state, DifferenceState.ADOPTED)
            context["may_keep"] = decides and may_decide(kind, state, DifferenceState.REFUSED)
        return super().render_change_form(request, context, *args, **kwargs)


class DifferenceEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "difference__account", "difference", "from_state", "to_state", "reason", "actor")
    list_select_related = ("difference__account",)
    search_fields = ("difference__account__account_id__startswith", "actor__exact")
    search_help_text = "Start of the account id (lower case), or who did it"


ADMINS: Final[Tables] = {
    Snapshot: SnapshotAdmin,
    Difference: DifferenceAdmin,
    DifferenceEvent: DifferenceEventAdmin,
}
