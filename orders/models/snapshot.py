from django.db import models

from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.fields import id_field


class Snapshot(models.Model):
    """The last book that an account's terminal told. `hash`: the terminal's own name for it; `content`: the report."""

    id = id_field()
    account = models.OneToOneField(BrokerAccount, on_delete=models.CASCADE, related_name="snapshot")
    session = models.ForeignKey(EaSession, on_delete=models.PROTECT, related_name="+")
    hash = models.CharField(max_length=64, blank=True)
    content = models.JSONField()
    applied_seq = models.BigIntegerField(default=0)
    taken_at = models.DateTimeField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"book of {self.account}"
