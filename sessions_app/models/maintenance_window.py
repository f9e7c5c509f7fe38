from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.ea_session import EaSession
from sessions_app.models.fields import id_field, moment_field
from sessions_app.models.tenant import Tenant


class MaintenanceWindow(models.Model):
    """A time in which EAs are sent away: one account's, a tenant's, or all (neither is named)."""

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="maintenance_windows")
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, null=True, related_name="maintenance_windows")
    reason = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reconnect_after_seconds = models.PositiveIntegerField()
    announced_at = models.DateTimeField()
    announced_as = models.CharField(max_length=150)
    cancelled_at = moment_field()
    cancelled_as = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="maintenance_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(tenant__isnull=True) | Q(account__isnull=True), name="maintenance_of_one_kind"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancelled_as="")
                | (Q(cancelled_at__isnull=False) & ~Q(cancelled_as="")),
                name="maintenance_cancelled_whole",
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], condition=Q(cancelled_at__isnull=True), name="maintenance_open")]
        permissions = [("announce_maintenancewindow", "Can announce and cancel maintenance windows")]

    def __str__(self) -> str:
        return f"{self.reason} ({self.whom})"

    @property
    def whom(self) -> str:
        """Whom it concerns, in words."""
        return str(self.account or self.tenant or "all accounts")

    @property
    def over_at(self) -> datetime:
        """When the EAs should be back."""
        return self.ends_at + timedelta(seconds=self.reconnect_after_seconds)


class MaintenanceNotice(models.Model):
    """A session that was told of a window: each once, by whichever gateway process holds it."""

    id = id_field()
    window = models.ForeignKey(MaintenanceWindow, on_delete=models.CASCADE, related_name="notices")
    session = models.ForeignKey(EaSession, on_delete=models.CASCADE, related_name="+")
    told_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["window", "session"], name="told_once_per_window")]

    def __str__(self) -> str:
        return f"{self.session_id} told of {self.window_id}"
