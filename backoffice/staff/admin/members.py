from backoffice.staff.read_only_admin import ReadOnlyAdmin


class MemberAdmin(ReadOnlyAdmin):
    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username__istartswith", "tenant__name__istartswith")
