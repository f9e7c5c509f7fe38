from django.db import models

from orders.models.subscription import Subscription
from sessions_app.models.fields import address_field, id_field


class SubscriptionVersion(models.Model):
    """A subscription's settings as they were from one moment on. Written when they change, never changed.

    `settings`: as a provisioning file would write them, without those that are switched off.
    """

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    settings = models.JSONField()
    actor = models.CharField(max_length=150)
    address = address_field()
    note = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.subscription_id}"
