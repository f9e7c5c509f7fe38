from django.db import models

from sessions_app.models.fields import id_field


class GatewayProcess(models.Model):
    """One running gateway process; its sweep renews the lease."""

    id = id_field()
    host = models.CharField(max_length=128)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
