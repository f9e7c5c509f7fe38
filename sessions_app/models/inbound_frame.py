from django.db import models
from django.db.models import Q

from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.ea_session import EaSession
from sessions_app.models.fields import id_field


class InboundFrame(models.Model):
    """One durable frame of an EA. What a pending session sent is quarantined with it until its promotion.

    `content` is kept only while the frame still has to be applied, and for the EA's alerts. A `refusal` is the code of
    a final refusal: the number was consumed, nothing else changed.
    """

    id = id_field()
    account = models.ForeignKey(
        BrokerAccount, on_delete=models.CASCADE, related_name="frames", db_index=False, db_constraint=False
    )
    session = models.ForeignKey(
        EaSession, on_delete=models.CASCADE, related_name="frames", db_index=False, db_constraint=False
    )
    frame_id = models.UUIDField()
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32)
    content = models.JSONField(null=True)
    quarantined = models.BooleanField(default=False)
    refusal = models.CharField(max_length=32, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "frame_id"], condition=Q(quarantined=False), name="one_frame_per_account_id"
            ),
            models.UniqueConstraint(
                fields=["session", "frame_id"], condition=Q(quarantined=True), name="one_quarantined_frame_per_id"
            ),
        ]
        indexes = [models.Index(fields=["session", "seq"], name="frames_by_number")]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"
