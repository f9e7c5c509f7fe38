from django.db import models

from sessions_app.models.fields import id_field
from sessions_app.models.management_token import ManagementToken


class ManagementRequest(models.Model):
    """A write under an Idempotency-Key. Written before the act, with its answer after it; kept for a day.

    `digest`: of what was asked. `status` null: it was begun, and nobody has written how it ended. `body`: what was
    answered, without what is shown once.
    """

    id = id_field()
    token = models.ForeignKey(ManagementToken, on_delete=models.CASCADE, related_name="requests", db_index=False)
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_request_per_token_and_key")]
        indexes = [models.Index(fields=["at"], name="management_requests_by_time")]

    def __str__(self) -> str:
        return f"{self.key} of {self.token_id}"
