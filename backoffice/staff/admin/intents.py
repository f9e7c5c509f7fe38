from django.contrib import admin

from backoffice.staff.read_only_admin import ReadOnlyAdmin


class IntentAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "account", "action", "symbol", "lots", "price", "position_id", "ticket", "repeated")
    list_filter = ("action", "repeated", ("received_at", admin.DateFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "ticket__exact", "symbol__exact")
    search_help_text = "Start of the account id (lower case), or a position, a ticket, a symbol"
    fields = (
        "account", "session", "frame_id", "action", "position_id", "ticket", "symbol", "lots", "price", "profit",
        "repeated", "repeat_of", "broker_time", "occurred_at", "received_at", "content",
    )  # fmt: skip
