from django.db import models
from django.db.models import Q

from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.sizing.modes import Mode
from orders.domain.states.subscriptions import SubscriptionState
from orders.models.strategy import Strategy
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, lots_field, money_field, one_of


class Subscription(models.Model):
    """One follower copies one strategy, with its own settings.

    `filters` is the JSON object of orders/domain/decision/filters.py. `late_seconds`: how long past the age limit a
    late open may become a pending order; `pending_wait_seconds`: how long a copy may go on working when the master's
    has filled.
    `repairs`: what is done about differences between books, by their kind; the tenant's where it does not say.
    """

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
    filters = models.JSONField(default=dict, blank=True)
    reverse = models.BooleanField(default=False)
    late_policy = choice_field(LatePolicy, default=LatePolicy.DENY)
    late_seconds = models.PositiveIntegerField(default=3600)
    deviation_points = models.PositiveIntegerField(null=True)
    pending_wait_seconds = models.PositiveIntegerField(default=5)
    min_lots_policy = choice_field(MinLotsPolicy, default=MinLotsPolicy.DENY)
    max_risk_multiple = lots_field(default=5)
    repairs = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "follower"], name="one_subscription_per_follower"),
            one_of("state", SubscriptionState, name="subscription_state_known"),
            one_of("mode", Mode, name="subscription_mode_known"),
            one_of("late_policy", LatePolicy, name="subscription_late_policy_known"),
            one_of("min_lots_policy", MinLotsPolicy, name="subscription_min_lots_policy_known"),
            models.CheckConstraint(condition=Q(max_risk_multiple__gte=1), name="risk_multiple_of_one_or_more"),
            models.CheckConstraint(condition=~Q(mode=Mode.FIXED_LOTS) | Q(lots__gt=0), name="fixed_lots_needs_lots"),
        ]
        permissions = [("change_state_subscription", "Can pause, resume and switch off a subscription")]

    def __str__(self) -> str:
        return f"{self.follower} copies {self.strategy}"
