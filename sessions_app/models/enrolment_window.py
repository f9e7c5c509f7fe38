from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sessions_app.models.fields import id_field, moment_field
from sessions_app.models.tenant import Tenant


class EnrolmentWindow(models.Model):
    """A tenant's time-boxed policy: the first key of an account that asks while it is open is approved at once.

    `accounts`: a pattern of canonical account ids, `*` for all; `addresses`: networks the EA must come from, none for
    all; `adopts`: accounts that belong to nobody yet become the tenant's. `enrolled` never passes `max_keys`.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="enrolment_windows")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    max_keys = models.PositiveIntegerField(null=True)
    enrolled = models.PositiveIntegerField(default=0)
    accounts = models.CharField(max_length=128, default="*")
    addresses = models.JSONField(default=list)
    adopts = models.BooleanField(default=False)
    reason = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    created_as = models.CharField(max_length=150)
    closed_at = moment_field()
    closed_as = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "opens_at", "accounts"], name="one_window_per_beginning"),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="window_opens_before_it_closes"),
            models.CheckConstraint(
                condition=Q(max_keys__isnull=True) | Q(enrolled__lte=F("max_keys")), name="window_keeps_its_number"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_as="") | (Q(closed_at__isnull=False) & ~Q(closed_as="")),
                name="window_end_whole",
            ),
        ]
        indexes = [models.Index(fields=["closes_at"], condition=Q(closed_at__isnull=True), name="windows_open")]
        permissions = [("decide_enrolmentwindow", "Can open and close enrolment windows")]

    def __str__(self) -> str:
        opens_at, closes_at = (timezone.localtime(at) for at in (self.opens_at, self.closes_at))
        zone = timezone.get_current_timezone_name()  # of whoever looks at a page
        return f"{self.tenant}, {opens_at:%Y-%m-%d %H:%M} to {closes_at:%Y-%m-%d %H:%M} {zone}"
