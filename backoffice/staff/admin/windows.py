from django.contrib import admin

from backoffice.staff.action_admin import ActingAdmin


class EnrolmentWindowAdmin(ActingAdmin):
    list_display = (
        "tenant", "opens_at", "closes_at", "enrolled", "max_keys", "accounts", "adopts", "reason", "created_as",
        "closed_at",
    )  # fmt: skip
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("tenant",)
    search_fields = ("tenant__name__istartswith",)
    search_help_text = "Start of the tenant's name"
