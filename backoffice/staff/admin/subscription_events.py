from backoffice.staff.read_only_admin import ReadOnlyAdmin


class SubscriptionEventAdmin(ReadOnlyAdmin):
    """What people did to subscriptions and their copies."""

    list_display = ("at", "subscription", "from_state", "to_state", "actor", "note")
    list_select_related = ("subscription__follower", "subscription__strategy")
    search_fields = ("subscription__follower__account_id__startswith", "actor__exact")
    search_help_text = "Start of the follower's account id (lower case), or who did it"
