from backoffice.staff.read_only_admin import ReadOnlyAdmin


class TenantAdmin(ReadOnlyAdmin):
    list_display = ("name", "auth_methods", "self_enrolment", "heartbeat_interval", "heartbeat_timeout", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
