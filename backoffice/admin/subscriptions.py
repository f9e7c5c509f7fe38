from typing import Any

from django.http import HttpRequest, HttpResponse

from backoffice.admin.reading import ReadOnlyAdmin
from backoffice.permissions import CHANGE_STATE, may
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Subscription


class SubscriptionAdmin(ReadOnlyAdmin):
    """Every setting; its page links to the changes of state that are open to it."""

    list_display = (
        "follower", "strategy", "state", "mode", "reverse", "multiplier", "lots", "max_lots", "max_open_positions",
        "max_age_seconds", "late_policy",
    )  # fmt: skip
    list_filter = ("state", "mode", "reverse")
    list_select_related = ("follower", "strategy")
    search_fields = ("follower__account_id__startswith", "strategy__name__istartswith")
    search_help_text = "Start of the follower's account id (lower case) or of the strategy's name"
    change_form_template = "backoffice/subscription.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if isinstance(row, Subscription) and may(request, CHANGE_STATE):
            context["states"] = [state.value for state in SubscriptionState if state != row.state]
        return super().render_change_form(request, context, *args, **kwargs)
