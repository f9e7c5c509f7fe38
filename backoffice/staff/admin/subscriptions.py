"""Who copies whom, with which settings."""

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from backoffice.permissions import CHANGE_STATE, may
from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables
from orders.domain.decision.setting_table import Setting
from orders.domain.decision.settings import SETTINGS
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Strategy, Subscription, SubscriptionEvent


class StrategyAdmin(ReadOnlyAdmin):
    list_display = ("name", "tenant", "master", "created_at")
    list_select_related = ("tenant", "master")
    search_fields = ("name__istartswith", "master__account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the name, of the master's account id (lower case) or of the tenant's name"


def help_texts(rows: Iterable[Setting]) -> dict[str, str]:
    """What each setting does, by the name of its field; the page shows text, not Markdown."""
    return {row.name: row.help.sentence.replace("`", "") for row in rows}


class SubscriptionAdmin(ReadOnlyAdmin):
    """Every setting with what it does; its page links to the changes of state that are open to it."""

    list_display = (
        "follower", "strategy", "state", "mode", "reverse", "multiplier", "lots", "max_lots", "max_open_positions",
        "max_age_seconds", "late_policy",
    )  # fmt: skip
    list_filter = ("state", "mode", "reverse")
    list_select_related = ("follower", "strategy")
    search_fields = ("follower__account_id__startswith", "strategy__name__istartswith")
    search_help_text = "Start of the follower's account id (lower case) or of the strategy's name"
    fields = ("id", "strategy", "follower", "state", *(row.name for row in SETTINGS.rows), "created_at")
    change_form_template = "backoffice/subscription.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, help_texts=help_texts(SETTINGS.rows), **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if isinstance(row, Subscription) and may(request, CHANGE_STATE):
            context["states"] = [state.value for state in SubscriptionState if state != row.state]
        return super().render_change_form(request, context, *args, **kwargs)


class SubscriptionEventAdmin(ReadOnlyAdmin):
    """What people did to subscriptions and their copies."""

    list_display = ("at", "subscription", "from_state", "to_state", "actor", "note")
    list_select_related = ("subscription__follower", "subscription__strategy")
    search_fields = ("subscription__follower__account_id__startswith", "actor__exact")
    search_help_text = "Start of the follower's account id (lower case), or who did it"


ADMINS: Final[Tables] = {
    Strategy: StrategyAdmin,
    Subscription: SubscriptionAdmin,
    SubscriptionEvent: SubscriptionEventAdmin,
}
