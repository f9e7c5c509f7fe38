from typing import Final

from django.db import models
from uuid_utils.compat import uuid4

from sessions_app.models.fields import id_field, moment_field, money_field
from sessions_app.models.tenant import Tenant

DEFAULT_INTENT_RATE: Final = 20


class BrokerAccount(models.Model):
    """A trading account at a broker, and the counters that are taken under its row lock.

    `next_seq` numbers the account's command log, within `epoch`; `next_copy_no` its copies; `next_hold` orders what is
    decided while it is pending. `acked_seq`: the highest command number its EA has acknowledged. `fence` grows with
    every authenticated session. `profile` and the funds come from the last authenticated session, else from the oldest
    pending one. An account that only strangers have claimed has no tenant. `snapshot_due_at`: when its EA is asked what
    it holds, and why; `needs_snapshot`: no command goes out before it has told.
    `overrides`: settings that it has otherwise than its tenant.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="accounts")
    account_id = models.CharField(max_length=128, unique=True)
    claimed_as = models.CharField(max_length=128)
    next_seq = models.BigIntegerField(default=1)
    acked_seq = models.BigIntegerField(default=0)
    next_copy_no = models.PositiveIntegerField(default=1)
    next_hold = models.BigIntegerField(default=1)
    fence = models.BigIntegerField(default=0)
    epoch = models.UUIDField(default=uuid4)
    intent_rate = models.PositiveIntegerField(default=DEFAULT_INTENT_RATE)
    profile = models.ForeignKey("TerminalProfile", on_delete=models.SET_NULL, null=True, related_name="+")
    balance = money_field()
    equity = money_field()
    free_margin = money_field()
    funds_at = moment_field()
    snapshot_due_at = moment_field()
    snapshot_reason = models.CharField(max_length=32, blank=True)
    needs_snapshot = models.BooleanField(default=False)
    suspended_at = moment_field()
    overrides = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(next_seq__gte=1, next_copy_no__gte=1), name="account_counters"),
            models.CheckConstraint(condition=models.Q(acked_seq__lt=models.F("next_seq")), name="acked_below_next_seq"),
        ]
        permissions = [("suspend_brokeraccount", "Can suspend accounts and lift it")]

    def __str__(self) -> str:
        return self.claimed_as
