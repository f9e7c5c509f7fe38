from django.contrib import admin

from backoffice.staff.read_only_admin import ReadOnlyAdmin


class ReportAdmin(ReadOnlyAdmin):
    list_display = (
        "received_at", "account", "status", "cause", "ticket", "lots", "price", "profit", "slippage_points",
        "error_code", "late", "flag",
    )  # fmt: skip
    list_filter = ("status", "late", "repeated", ("received_at", admin.DateFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "ticket__exact", "command__id__exact")
    search_help_text = "Start of the account id (lower case), or a ticket, or a command's id"
