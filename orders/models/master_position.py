from django.db import models

from sessions_app.models import BrokerAccount
from sessions_app.models.fields import id_field, lots_field, price_field


class MasterPosition(models.Model):
    """A master's position or working order as its intents tell it; `closed` without an open is the marker of a close
    that came first. `missing_since`: when its terminal's book was read that did not show it first."""

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="positions", db_index=False)
    position_id = models.BigIntegerField()
    state = models.CharField(max_length=16)
    ticket = models.BigIntegerField()
    lots = lots_field()
    sl = price_field()
    tp = price_field()
    price = price_field()
    expiry = models.CharField(max_length=40, blank=True)
    missing_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "position_id"], name="one_position_per_id")]
        # A terminal that has lost its files names the ticket that it sees, not the first one of its lineage.
        indexes = [models.Index(fields=["account", "ticket"], name="positions_by_ticket")]

    def __str__(self) -> str:
        return f"{self.position_id} {self.state}"
