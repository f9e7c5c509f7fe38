from django.contrib import admin

from backoffice.staff.read_only_admin import ReadOnlyAdmin


class CommandAdmin(ReadOnlyAdmin):
    list_display = (
        "decided_at", "account", "seq", "action", "symbol", "side", "lots", "state", "reason", "error_code",
    )  # fmt: skip
    list_filter = ("state", "action", ("decided_at", admin.DateFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "symbol__exact", "id__exact")
    search_help_text = "Start of the follower's account id (lower case), or a position, a symbol, a command's id"
    fields = (
        "account", "decision", "difference", "copy", "seq", "state", "reason", "action", "leg", "attempt",
        "position_id", "symbol", "side", "order_type", "lots", "lots_before", "lots_after", "price", "sl", "tp",
        "expiry", "valid_until", "error_code", "absent_from", "occurred_at", "received_at", "decided_at",
        "committed_at", "pushed_at", "acked_at", "broker_started_at", "broker_done_at", "reported_at",
    )  # fmt: skip
