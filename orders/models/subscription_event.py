from django.db import models

from orders.models.copy import Copy
from orders.models.subscription import Subscription
from sessions_app.models.fields import address_field, id_field


class SubscriptionEvent(models.Model):
    """A person's act on a subscription, or on one of its copies: from where to where, who, why and when."""

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="events")
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, null=True, related_name="events")
    from_state = models.CharField(max_length=32, blank=True)
    to_state = models.CharField(max_length=32)
    actor = models.CharField(max_length=150)
    address = address_field()
    note = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["subscription", "at"], name="subscription_events_by_time")]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} -> {self.to_state}"
