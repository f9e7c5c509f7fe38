"""Who may open sessions: keys, grants, OAuth clients, and the policies that approve keys by themselves."""

from typing import Final

from django.contrib import admin

from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables, one_of
from sessions_app.auth.registry import strategies
from sessions_app.models import (
    AccountGrant,
    ApprovedFingerprint,
    AuthKey,
    EnrolmentWindow,
    ManagementToken,
    OauthClient,
    TokenScope,
    VaultAct,
    VaultSecret,
    VaultUse,
)


class AuthKeyAdmin(ReadOnlyAdmin):
    """Its page links to the decisions that are open for its key. The hash is shown nowhere."""

    list_display = (
        "short_fingerprint",
        "account",
        "state",
        "requested_at",
        "requested_from",
        "decided_at",
        "decided_as",
    )
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "fingerprint__startswith", "requested_from__exact")
    search_help_text = "Login or start of the account id or of the fingerprint, or the address it came from"
    fields = (
        "account", "fingerprint", "code", "state", "requested_at", "requested_from", "decided_at", "decided_as",
        "decision_reason", "retires_at",
    )  # fmt: skip

    @admin.display(description="key", ordering="fingerprint")
    def short_fingerprint(self, key: AuthKey) -> str:
        """As the approval desk shows it."""
        return key.fingerprint[:12]


class AccountGrantAdmin(ReadOnlyAdmin):
    """Who may serve an account without a key of it."""

    list_display = ("account", "method", "subject", "state", "decided_at", "decided_as", "decision_reason")
    list_filter = ("state", one_of("method", strategies()))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "subject__startswith")
    search_help_text = "Login or start of the account id or of the subject"


class OauthClientAdmin(ReadOnlyAdmin):
    """Secrets are hashed, and shown nowhere."""

    list_display = ("client_id", "tenant", "created_at", "created_as", "revoked_at", "revoked_as")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("application", admin.EmptyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("client_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the client id or of the tenant's name"
    fields = ("client_id", "tenant", "created_at", "created_as", "revoked_at", "revoked_as", "revocation_reason")


class ManagementTokenAdmin(ReadOnlyAdmin):
    """Programs' ways into the management API. Tokens are hashed, and shown nowhere."""

    list_display = (
        "name", "tenant", "scope", "created_at", "created_as", "expires_at", "last_used_at", "revoked_at", "revoked_as",
    )  # fmt: skip
    list_filter = (one_of("scope", TokenScope), ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("name__istartswith", "tenant__name__istartswith")
    search_help_text = "Start of the name or of the tenant's name"
    fields = list_display


class EnrolmentWindowAdmin(ReadOnlyAdmin):
    list_display = (
        "tenant", "opens_at", "closes_at", "enrolled", "max_keys", "accounts", "adopts", "reason", "created_as",
        "closed_at",
    )  # fmt: skip
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("tenant",)
    search_fields = ("tenant__name__istartswith",)
    search_help_text = "Start of the tenant's name"


class ApprovedFingerprintAdmin(ReadOnlyAdmin):
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


class VaultSecretAdmin(ReadOnlyAdmin):
    """That there is one, and whose. What is sealed is shown nowhere."""

    list_display = ("name", "tenant", "version", "key_version", "changed_at", "changed_as", "note")
    list_select_related = ("tenant",)
    search_fields = ("name__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the name or of the tenant's name"
    fields = ("name", "tenant", "note", "version", "key_version", "created_at", "changed_at", "changed_as")


class VaultUseAdmin(ReadOnlyAdmin):
    """Who stored, opened or removed which secret, and what for."""

    list_display = ("at", "act", "name", "version", "tenant", "actor", "purpose")
    list_filter = (one_of("act", VaultAct),)
    list_select_related = ("tenant",)
    search_fields = ("name__startswith", "tenant__name__istartswith", "actor__exact")
    search_help_text = "Start of the name or of the tenant's name, or who did it"


ADMINS: Final[Tables] = {
    AuthKey: AuthKeyAdmin,
    AccountGrant: AccountGrantAdmin,
    OauthClient: OauthClientAdmin,
    ManagementToken: ManagementTokenAdmin,
    EnrolmentWindow: EnrolmentWindowAdmin,
    ApprovedFingerprint: ApprovedFingerprintAdmin,
    VaultSecret: VaultSecretAdmin,
    VaultUse: VaultUseAdmin,
}
