from django.db import models

from sessions_app.models import BrokerAccount, Tenant
from sessions_app.models.fields import id_field


class Strategy(models.Model):
    """A signal that followers may copy: the trades of one master account.

    `relay_copies`: also those of its trades that are copies themselves, by their magic number.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="strategies")
    name = models.CharField(max_length=100)
    master = models.ForeignKey(BrokerAccount, on_delete=models.PROTECT, related_name="strategies")
    relay_copies = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "strategies"
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_strategy_per_name")]

    def __str__(self) -> str:
        return self.name
