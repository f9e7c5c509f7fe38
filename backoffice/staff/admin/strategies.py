from backoffice.staff.read_only_admin import ReadOnlyAdmin


class StrategyAdmin(ReadOnlyAdmin):
    list_display = ("name", "tenant", "master", "created_at")
    list_select_related = ("tenant", "master")
    search_fields = ("name__istartswith", "master__account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the name, of the master's account id (lower case) or of the tenant's name"
