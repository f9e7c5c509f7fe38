from django.db import models
from django.db.models import Q

from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, moment_field, one_of


class OperatorAlert(models.Model):
    """Something that a person must look at. While it is open, the same thing again is counted on the same row.

    `subject`: what it is about, so that two of the same code are one or two: the account's key unless told otherwise.
    `resolved_at`: the fact that it tells of has ended by itself; nobody has to acknowledge it then.
    `spread_at`, `over_spread_at`: when notices were made for those who want to hear of it, and of its end.
    """

    id = id_field()
    code = choice_field(AlertCode)
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, null=True, related_name="alerts")
    subject = models.CharField(max_length=64, blank=True)
    text = models.CharField(max_length=500)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    at = models.DateTimeField()
    acknowledged_at = moment_field()
    acknowledged_as = models.CharField(max_length=150, blank=True)
    resolved_at = moment_field()
    spread_at = moment_field()
    over_spread_at = moment_field()

    class Meta:
        constraints = [
            one_of("code", AlertCode, name="alert_code_known"),
            models.UniqueConstraint(
                fields=["code", "subject"],
                condition=Q(acknowledged_at__isnull=True, resolved_at__isnull=True),
                name="one_open_alert",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_as="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_as="")),
                name="alert_acknowledgement_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["at"], condition=Q(acknowledged_at__isnull=True, resolved_at__isnull=True), name="alerts_open"
            ),
            models.Index(fields=["first_at"], condition=Q(spread_at=None), name="alerts_to_spread"),
            models.Index(
                fields=["resolved_at"],
                condition=Q(resolved_at__isnull=False, spread_at__isnull=False, over_spread_at=None),
                name="alert_ends_to_spread",
            ),
        ]
        permissions = [("acknowledge_operatoralert", "Can acknowledge alerts")]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"

    @property
    def severity(self) -> str:
        """How bad it is: its code says so."""
        return ALERTS[AlertCode(self.code)][0].value

    @property
    def meaning(self) -> str:
        """What such an alert means, and what to do."""
        return ALERTS[AlertCode(self.code)][1]
