from backoffice.admin.reading import ReadOnlyAdmin


class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = (
        "follower", "strategy", "state", "mode", "multiplier", "lots", "max_lots", "max_open_positions",
        "max_age_seconds",
    )  # fmt: skip
    list_filter = ("state", "mode")
    list_select_related = ("follower", "strategy")
    search_fields = ("follower__account_id__startswith", "strategy__name__istartswith")
    search_help_text = "Start of the follower's account id (lower case) or of the strategy's name"
