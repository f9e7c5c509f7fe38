from backoffice.staff.action_admin import ActingAdmin
from backoffice.staff.read_only_admin import one_of
from sessions_app.domain.lifecycle import Reason


class EaSessionAdmin(ActingAdmin):
    """The token's hash is shown nowhere."""

    list_display = (
        "account", "state", "platform", "ea_version", "remote_address", "created_at", "last_heartbeat_at",
        "close_reason",
    )  # fmt: skip
    list_filter = ("state", one_of("close_reason", Reason))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "remote_address__exact", "installation_id__exact")
    search_help_text = "Start of the account id (lower case), or the address, or the installation id"
    fields = (
        "account", "key", "grant", "state", "fence", "auth_method", "platform", "ea_version", "environment", "status",
        "remote_address", "installation_id", "ledger_head", "stored_seq", "foreign_reports", "heartbeat_interval",
        "heartbeat_timeout", "created_at", "authenticated_at", "last_heartbeat_at", "deadline_at", "closed_at",
        "close_reason",
    )  # fmt: skip
