from backoffice.staff.read_only_admin import ReadOnlyAdmin


class FollowerQuoteAdmin(ReadOnlyAdmin):
    list_display = ("account", "symbol", "bid", "ask", "at")
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "symbol__exact")
    search_help_text = "Start of the follower's account id (lower case), or a symbol"
