from django.contrib import admin

from backoffice.staff.action_admin import ActingAdmin


class OauthClientAdmin(ActingAdmin):
    """Secrets are hashed, and shown nowhere."""

    list_display = ("client_id", "tenant", "created_at", "created_as", "revoked_at", "revoked_as")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("application", admin.EmptyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("client_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the client id or of the tenant's name"
    fields = ("client_id", "tenant", "created_at", "created_as", "revoked_at", "revoked_as", "revocation_reason")
