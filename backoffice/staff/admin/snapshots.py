from backoffice.staff.read_only_admin import ReadOnlyAdmin


class SnapshotAdmin(ReadOnlyAdmin):
    """The last book of each account, and the last one that a pending session of it told."""

    list_display = ("account", "pending", "taken_at", "received_at", "applied_seq", "hash")
    list_filter = ("pending",)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Start of the account id (lower case)"
    fields = ("account", "session", "pending", "taken_at", "received_at", "applied_seq", "hash", "content")
