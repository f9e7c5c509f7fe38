from django.contrib import admin

from backoffice.admin.reading import ReadOnlyAdmin
from sessions_app.models import BrokerAccount


class BrokerAccountAdmin(ReadOnlyAdmin):
    list_display = ("claimed_as", "tenant", "balance", "equity", "funds_at", "waiting_commands", "suspended_at")
    list_filter = (
        ("tenant", admin.EmptyFieldListFilter),
        ("suspended_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("tenant",)
    search_fields = ("account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the account id (lower case) or of the tenant's name"

    @admin.display(description="not acknowledged")
    def waiting_commands(self, account: BrokerAccount) -> int:
        """Numbered commands that the EA has not acknowledged."""
        return account.next_seq - 1 - account.acked_seq
