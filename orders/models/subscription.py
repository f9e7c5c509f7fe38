from django.db import models
from django.db.models import Q

from orders.domain.allocation import Mode
from orders.domain.decisions import SubscriptionState
from orders.models.strategy import Strategy
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, lots_field, money_field, one_of


class Subscription(models.Model):
    """One follower copies one strategy, with its own settings."""

    id = id_field()
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="subscriptions")
    follower = models.ForeignKey(BrokerAccount, on_delete=models.PROTECT, related_name="subscriptions")
    state = choice_field(SubscriptionState, default=SubscriptionState.ACTIVE)
    mode = choice_field(Mode, default=Mode.MIRRORED)
    multiplier = lots_field(default=1)
    lots = lots_field()
    fixed_master_base = money_field()
    fixed_follower_base = money_field()
    max_age_seconds = models.PositiveIntegerField(default=60)
    max_lots = lots_field()
    max_open_positions = models.PositiveIntegerField(null=True)
    symbol_map = models.JSONField(default=dict)
    prefix = models.CharField(max_length=16, blank=True)
    suffix = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "follower"], name="one_subscription_per_follower"),
            one_of("state", SubscriptionState, name="subscription_state_known"),
            one_of("mode", Mode, name="subscription_mode_known"),
            models.CheckConstraint(condition=~Q(mode=Mode.FIXED_LOTS) | Q(lots__gt=0), name="fixed_lots_needs_lots"),
        ]

    def __str__(self) -> str:
        return f"{self.follower} copies {self.strategy}"
