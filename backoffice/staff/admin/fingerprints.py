from django.contrib import admin

from backoffice.staff.action_admin import ActingAdmin
from sessions_app.models import ApprovedFingerprint


class ApprovedFingerprintAdmin(ActingAdmin):
    list_display = (
        "short_fingerprint", "tenant", "accounts", "reason", "created_at", "created_as", "withdrawn_at", "withdrawn_as",
    )  # fmt: skip
    list_filter = (("withdrawn_at", admin.EmptyFieldListFilter),)
    list_select_related = ("tenant",)
    search_fields = ("fingerprint__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the fingerprint or of the tenant's name"

    @admin.display(description="fingerprint", ordering="fingerprint")
    def short_fingerprint(self, row: ApprovedFingerprint) -> str:
        """As the approval desk shows it."""
        return row.fingerprint[:12]
