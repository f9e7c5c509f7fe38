from backoffice.staff.read_only_admin import ReadOnlyAdmin


class MaintenanceWindowAdmin(ReadOnlyAdmin):
    list_display = (
        "starts_at", "ends_at", "account", "tenant", "reason", "announced_as", "cancelled_at", "cancelled_as",
    )  # fmt: skip
    list_select_related = ("account", "tenant")
    search_fields = ("account__account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the account id (lower case) or of the tenant's name"
