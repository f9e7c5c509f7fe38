"""What terminals hold, and where that differs from our books."""

from typing import Any, Final

from backoffice.actions.differences import ON_MISSING
from backoffice.staff import short_words
from backoffice.staff.days import UtcDays
from backoffice.staff.read_only_admin import Acted, ReadOnlyAdmin, Tables, one_of
from orders.domain.states.differences import DifferenceState
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models import Difference, DifferenceEvent, Snapshot

_why: Final = short_words.shower(DifferenceEvent, "reason", on_page=True)


class SnapshotAdmin(ReadOnlyAdmin):
    """The last book of each account, and the last one that a pending session of it told."""

    list_display = ("account", "pending", "taken_at", "received_at", "applied_seq", "hash")
    list_filter = ("pending",)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Login or start of the account id"
    fields = ("account", "session", "pending", "taken_at", "received_at", "applied_seq", "hash", "content")


class DifferenceAdmin(ReadOnlyAdmin):
    """Its page tells how it came and went, and links to the decisions that are open for it."""

    list_display = (
        "opened_at", "account", "kind", "severity", "state", "symbol", "copy_no", "ticket", "expected", "actual",
        "reason",
    )  # fmt: skip
    list_filter = (
        one_of("state", DifferenceState), one_of("kind", DifferenceKind), one_of("severity", DifferenceSeverity),
        ("opened_at", UtcDays),
    )  # fmt: skip
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "copy_no__exact", "ticket__exact", "symbol__iexact")
    search_help_text = "Login or start of the account id, or a copy number, a ticket, a symbol"
    fields = (
        "account", "kind", "severity", "state", "symbol", "copy", "copy_no", "ticket", "expected", "actual", "reason",
        "opened_at", "seen_at", "closed_at",
    )  # fmt: skip
    change_form_template = "backoffice/difference.html"

    def actions_on(self, row: Difference) -> list[Acted]:
        about_all = ON_MISSING if row.kind == DifferenceKind.MISSING else ()
        return [*super().actions_on(row), *((action, row.account) for action in about_all)]

    def more_context(self, row: Difference) -> dict[str, Any]:
        return {
            "events": [(event, _why(event.reason)) for event in row.events.order_by("at", "id")[:100]],
            "commands": list(row.commands.order_by("attempt")[:20]),
        }


class DifferenceEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "difference__account", "difference", "from_state", "to_state", "reason", "actor")
    list_select_related = ("difference__account",)
    search_fields = ("difference__account__account_id__startswith", "actor__exact")
    search_help_text = "Login or start of the account id, or who did it"


ADMINS: Final[Tables] = {
    Snapshot: SnapshotAdmin,
    Difference: DifferenceAdmin,
    DifferenceEvent: DifferenceEventAdmin,
}
