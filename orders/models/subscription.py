from django.db import models
from django.db.models import Q

from orders.domain.decision.settings import LEAST_RISK_MULTIPLE
from orders.domain.sizing.modes import Mode
from orders.domain.states.subscriptions import SubscriptionState
from orders.models.setting_columns import SettingColumns, choices_known
from orders.models.strategy import Strategy
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, one_of


class Subscription(SettingColumns):
    """One follower copies one strategy, with settings of its own: see orders/domain/decision/settings.py.

    `version` counts them: each decision names the one that it rests on.
    """

    id = id_field()
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="subscriptions")
    follower = models.ForeignKey(BrokerAccount, on_delete=models.PROTECT, related_name="subscriptions")
    state = choice_field(SubscriptionState, default=SubscriptionState.ACTIVE)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "follower"], name="one_subscription_per_follower"),
            one_of("state", SubscriptionState, name="subscription_state_known"),
            *choices_known(),
            models.CheckConstraint(
                condition=Q(max_risk_multiple__gte=LEAST_RISK_MULTIPLE), name="risk_multiple_of_one_or_more"
            ),
            models.CheckConstraint(condition=~Q(mode=Mode.FIXED_LOTS) | Q(lots__gt=0), name="fixed_lots_needs_lots"),
        ]
        permissions = [("change_state_subscription", "Can pause, resume and switch off a subscription")]

    def __str__(self) -> str:
        return f"{self.follower} copies {self.strategy}"
