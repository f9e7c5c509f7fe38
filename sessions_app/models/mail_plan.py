from datetime import time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MORNING, Choices, MailMode
from sessions_app.models.fields import id_field
from sessions_app.models.tenant import Tenant


class MailPlan(models.Model):
    """What a person wants to be mailed about, of one tenant; without a tenant: of what belongs to none, as staff.

    Without a row, and for kinds that `modes` does not name, the default of his role holds. Its hours are read on the
    clock of his `Preference`. `version` grows with every change: who saves over somebody else's is told.
    """

    id = id_field()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    modes = models.JSONField(default=dict)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    breaks_through = models.BooleanField(default=False)
    digest_at = models.TimeField(default=MORNING)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_mail_plan_per_member"),
            models.UniqueConstraint(fields=["user"], condition=Q(tenant=None), name="one_mail_plan_of_staff"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.tenant_id or 'the deployment'}"

    def choices(self, *, acts: bool, zone: ZoneInfo) -> Choices:
        """The row as a value, for a clock of this zone; what this release does not know any more is left out."""
        modes = {AlertCode(code): MailMode(mode) for code, mode in self.modes.items() if code in set(AlertCode)}
        quiet: tuple[time, time] | None = None
        if self.quiet_from is not None and self.quiet_until is not None:
            quiet = (self.quiet_from, self.quiet_until)
        return Choices(modes, zone, quiet, self.breaks_through, self.digest_at, acts)
