from backoffice.staff.read_only_admin import ReadOnlyAdmin


class FillWaitAdmin(ReadOnlyAdmin):
    """Pending copies that had not filled when the master's did, and what became of them."""

    list_display = ("created_at", "account", "copy", "state", "due_at", "tries", "code", "settled_at")
    list_filter = ("state",)
    list_select_related = ("account", "copy")
    search_fields = ("account__account_id__startswith", "copy__position_id__exact")
    search_help_text = "Start of the follower's account id (lower case), or a position"
