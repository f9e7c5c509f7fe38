from django.db import models
from django.db.models import Q

from orders.domain.wire.reports import ReportStatus
from orders.models.command import Command
from orders.models.copy import Copy
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.fields import choice_field, id_field, lots_field, money_field, one_of, price_field


class Report(models.Model):
    """What a broker did, as the EA told it. Odd facts are kept and flagged, never refused.

    `late`: it came from a former session. `repeated`: the same fact was there already. `flag`: what is odd about it.
    """

    id = id_field()
    account = models.ForeignKey(
        BrokerAccount, on_delete=models.CASCADE, related_name="reports", db_index=False, db_constraint=False
    )
    session = models.ForeignKey(EaSession, on_delete=models.PROTECT, related_name="reports", db_constraint=False)
    frame_id = models.UUIDField()
    command = models.ForeignKey(
        Command, on_delete=models.PROTECT, null=True, related_name="reports", db_constraint=False
    )
    copy = models.ForeignKey(
        Copy, on_delete=models.PROTECT, null=True, related_name="reports", db_index=False, db_constraint=False
    )
    status = choice_field(ReportStatus)
    cause = models.CharField(max_length=32, blank=True)
    ticket = models.BigIntegerField(null=True)
    parent_ticket = models.BigIntegerField(null=True)
    new_ticket = models.BigIntegerField(null=True)
    side = models.CharField(max_length=8, blank=True)  # empty: not told
    lots = lots_field()
    remaining_lots = lots_field()
    price = price_field()
    sl = price_field()
    tp = price_field()
    commission = money_field()
    taxes = money_field()
    swap = money_field()
    profit = money_field()
    balance = money_field()
    equity = money_field()
    slippage_points = models.IntegerField(null=True)
    error_code = models.PositiveIntegerField(null=True)
    already = models.BooleanField(default=False)
    late = models.BooleanField(default=False)
    repeated = models.BooleanField(default=False)
    flag = models.CharField(max_length=40, blank=True)
    broker_time = models.CharField(max_length=19, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "frame_id"], name="one_report_per_frame"),
            one_of("status", ReportStatus, name="report_status_known"),
        ]
        indexes = [
            models.Index(fields=["account", "received_at"], name="reports_by_account"),
            models.Index(fields=["account", "id"], name="reports_by_id"),
            models.Index(fields=["account", "ticket", "cause"], condition=~Q(cause=""), name="reports_without_command"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.ticket or ''}".strip()
