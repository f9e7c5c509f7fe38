from django.db import models

from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.fields import id_field


class Snapshot(models.Model):
    """The last book that an account's terminal told. `hash`: the terminal's own name for it; `content`: the report.

    `pending`: the last one that a pending session told. It stands here to be read, and is compared with nothing.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="snapshots")
    session = models.ForeignKey(EaSession, on_delete=models.PROTECT, related_name="+")
    pending = models.BooleanField(default=False)
    hash = models.CharField(max_length=64, blank=True)
    content = models.JSONField()
    applied_seq = models.BigIntegerField(default=0)
    taken_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "pending"], name="one_book_per_account")]

    def __str__(self) -> str:
        return f"book of {self.account}"
