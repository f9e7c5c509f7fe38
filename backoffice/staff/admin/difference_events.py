from backoffice.staff.read_only_admin import ReadOnlyAdmin


class DifferenceEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "difference__account", "difference", "from_state", "to_state", "reason", "actor")
    list_select_related = ("difference__account",)
    search_fields = ("difference__account__account_id__startswith", "actor__exact")
    search_help_text = "Start of the account id (lower case), or who did it"
