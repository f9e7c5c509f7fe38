"""Tenants and their people."""

from typing import Final

from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables
from sessions_app.models import Member, Tenant


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


ADMINS: Final[Tables] = {
    Tenant: TenantAdmin,
    Member: MemberAdmin,
}
