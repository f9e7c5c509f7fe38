from django.db import models

from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import id_field


class TerminalProfile(models.Model):
    """One InitRequest as it came: what it says is immutable, so that a process may keep it by its id.

    `created_at`: when it was told; the last time, where a pending session has told something else in between.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="profiles")
    session = models.ForeignKey("EaSession", on_delete=models.CASCADE, related_name="profiles")
    digest = models.BinaryField(max_length=32)
    content = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "digest"], name="one_profile_per_content")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.created_at:%Y-%m-%d %H:%M:%S}"
