"""Tenants and their people."""

from typing import Final

from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables, one_of
from sessions_app.domain.configuration import BY_NAME
from sessions_app.models import Member, SettingChange, Tenant


class TenantAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "auth_methods",
        "self_enrolment",
        "heartbeat_interval",
        "heartbeat_timeout",
        "suspended_at",
        "created_at",
    )
    search_fields = ("name",)
    ordering = ("name",)


class MemberAdmin(ReadOnlyAdmin):
    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username__istartswith", "tenant__name__istartswith")


class SettingChangeAdmin(ReadOnlyAdmin):
    """Who set what of a tenant or an account otherwise: from what, to what, and why."""

    list_display = ("at", "tenant", "account", "name", "before", "after", "actor", "reason")
    list_filter = (one_of("name", BY_NAME),)
    list_select_related = ("tenant", "account")
    search_fields = ("tenant__name__istartswith", "actor__exact", "account__account_id__startswith")
    search_help_text = "Start of the tenant's name or of the account id, an account's login, or who did it"


ADMINS: Final[Tables] = {
    Tenant: TenantAdmin,
    Member: MemberAdmin,
    SettingChange: SettingChangeAdmin,
}
