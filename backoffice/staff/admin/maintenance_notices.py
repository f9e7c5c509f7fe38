from backoffice.staff.read_only_admin import ReadOnlyAdmin


class MaintenanceNoticeAdmin(ReadOnlyAdmin):
    """Who was told of which window, and when."""

    list_display = ("told_at", "window", "session")
    list_select_related = ("window__account", "window__tenant", "session__account")
    search_fields = ("session__account__account_id__startswith",)
    search_help_text = "Start of the account id (lower case)"
