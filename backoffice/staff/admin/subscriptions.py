"""Who copies whom, with which settings."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.staff.panels import strategies, subscriptions
from backoffice.staff.panels.panel import Panel
from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables
from orders.domain.decision.setting_table import Setting
from orders.domain.decision.settings import SETTINGS
from orders.models import Strategy, Subscription, SubscriptionEvent


class StrategyAdmin(ReadOnlyAdmin):
    list_display = ("name", "tenant", "master", "created_at")
    list_select_related = ("tenant", "master")
    search_fields = ("name__istartswith", "master__account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Start of the name, of the master's account id or of the tenant's name"

    def for_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return strategies.for_page(rows)

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return strategies.of_strategy(request, row)


def help_texts(rows: Iterable[Setting]) -> dict[str, str]:
    """What each setting does, by the name of its field; the page shows text, not Markdown."""
    return {row.name: row.help.sentence.replace("`", "") for row in rows}


class SubscriptionAdmin(ReadOnlyAdmin):
    """Every setting with what it does stands below; its page links to the changes of state that are open to it."""

    list_display = (
        "follower", "strategy", "state", "mode", "reverse", "multiplier", "lots", "max_lots", "max_open_positions",
        "max_age_seconds", "late_policy",
    )  # fmt: skip
    list_filter = ("state", "mode", "reverse")
    list_select_related = ("follower", "strategy")
    page_related = ("follower__tenant", "strategy__master")
    folded = False
    search_fields = ("follower__account_id__startswith", "strategy__name__istartswith")
    search_help_text = "Login or start of the follower's account id or of the strategy's name"
    fields = ("id", "strategy", "follower", "state", *(row.name for row in SETTINGS.rows), "created_at")

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return subscriptions.of_subscription(request, row)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, help_texts=help_texts(SETTINGS.rows), **kwargs)


class SubscriptionEventAdmin(ReadOnlyAdmin):
    """What people did to subscriptions and their copies."""

    list_display = ("at", "subscription", "from_state", "to_state", "actor", "note")
    list_select_related = ("subscription__follower", "subscription__strategy")
    search_fields = ("subscription__follower__account_id__startswith", "actor__exact")
    search_help_text = "Login or start of the follower's account id, or who did it"


ADMINS: Final[Tables] = {
    Strategy: StrategyAdmin,
    Subscription: SubscriptionAdmin,
    SubscriptionEvent: SubscriptionEventAdmin,
}
