from backoffice.admin.reading import ReadOnlyAdmin


class CopyAdmin(ReadOnlyAdmin):
    list_display = (
        "copy_no", "account", "symbol", "side", "state", "lots_decided", "lots_open", "price", "sl", "tp", "ticket",
        "close_cause",
    )  # fmt: skip
    list_filter = ("state", "side")
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "ticket__exact", "symbol__exact")
    search_help_text = "Start of the follower's account id (lower case), or a position, a ticket, a symbol"
