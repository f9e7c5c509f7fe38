from backoffice.staff.action_admin import ActingAdmin
from backoffice.staff.read_only_admin import one_of
from sessions_app.auth.registry import strategies


class AccountGrantAdmin(ActingAdmin):
    """Who may serve an account without a key of it."""

    list_display = ("account", "method", "subject", "state", "decided_at", "decided_as", "decision_reason")
    list_filter = ("state", one_of("method", strategies()))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "subject__startswith")
    search_help_text = "Start of the account id (lower case) or of the subject"
