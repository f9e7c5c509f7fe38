from backoffice.staff.read_only_admin import ReadOnlyAdmin, one_of
from sessions_app.domain.lifecycle import Reason


class SessionEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "account", "from_state", "to_state", "reason", "actor", "note")
    list_filter = (one_of("reason", Reason),)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "actor__exact")
    search_help_text = "Start of the account id (lower case), or who did it"
