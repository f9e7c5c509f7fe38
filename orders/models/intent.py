from django.db import models
from django.db.models import Q

from orders.domain.wire.intents import Action
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.fields import choice_field, id_field, lots_field, money_field, one_of, price_field


class Intent(models.Model):
    """What a master did. A repeat keeps its row, linked to the first, and has no decision of its own."""

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="intents", db_index=False)
    session = models.ForeignKey(EaSession, on_delete=models.PROTECT, related_name="intents")
    frame_id = models.UUIDField()
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="repeats", db_index=False)
    repeated = models.BooleanField(default=False)
    action = choice_field(Action)
    position_id = models.BigIntegerField()
    ticket = models.BigIntegerField()
    symbol = models.CharField(max_length=64)
    lots = lots_field()
    remaining_lots = lots_field()
    price = price_field()
    profit = money_field()
    content = models.JSONField()
    broker_time = models.CharField(max_length=19, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "ticket", "action"],
                condition=Q(repeated=False) & ~Q(action__in=[Action.MODIFY.value, Action.PARTIAL_CLOSE.value]),
                name="one_intent_per_ticket_action",
            ),
            models.UniqueConstraint(
                fields=["account", "ticket", "remaining_lots"],
                condition=Q(repeated=False, action=Action.PARTIAL_CLOSE.value),
                name="one_partial_close_per_remainder",
            ),
            models.UniqueConstraint(fields=["account", "frame_id"], name="one_intent_per_frame"),
            one_of("action", Action, name="intent_action_known"),
        ]
        indexes = [
            models.Index(fields=["account", "position_id"], name="intents_by_position"),
            models.Index(fields=["received_at"], name="intents_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.position_id} {self.symbol}"
