from backoffice.staff.read_only_admin import ReadOnlyAdmin, one_of
from sessions_app.domain.alerts import AlertCode


class OperatorAlertAdmin(ReadOnlyAdmin):
    list_display = ("at", "code", "account", "text", "times", "acknowledged_at", "acknowledged_as")
    list_filter = (one_of("code", AlertCode),)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Start of the account id (lower case)"
