from backoffice.admin.reading import ReadOnlyAdmin


class SnapshotAdmin(ReadOnlyAdmin):
    """The last book of each account."""

    list_display = ("account", "taken_at", "received_at", "applied_seq", "hash")
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Start of the account id (lower case)"
    fields = ("account", "session", "taken_at", "received_at", "applied_seq", "hash", "content")
