from typing import Final

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from orders.domain.states.commands import UNFINISHED, CommandState
from orders.domain.wire.intents import Action, OrderType, Side
from orders.models.copy import Copy
from orders.models.decision import Decision
from orders.models.difference import Difference
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.fields import choice_field, id_field, lots_field, moment_field, one_of, price_field

_FAILED: Final = [CommandState.REJECTED.value, CommandState.UNKNOWN.value]


class Command(models.Model):
    """One order for a follower, numbered in its account's log: this table is the outbox for EAs.

    `held` commands have no number, only their place (`hold_no`); `decided_on` is the pending session whose InitRequest
    the decision used. `attempt` n + 1 exists only when n was not executed. A repair comes of a difference instead of a
    decision. `absent_from`: for an unknown outcome, and for an open that was taken back while it may be executed, when
    its absence at the broker begins to count. `ticket`: it is about a second position with its copy's magic number, and
    not about the copy. The moments are its time line.

    A foreign key has no index of its own where another begins with it, or where nobody looks from that side.
    """

    id = id_field()
    account = models.ForeignKey(
        BrokerAccount, on_delete=models.CASCADE, related_name="commands", db_index=False, db_constraint=False
    )
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="commands", db_index=False, db_constraint=False
    )
    difference = models.ForeignKey(
        Difference, on_delete=models.PROTECT, null=True, related_name="commands", db_index=False
    )
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="commands", db_constraint=False)
    leg = models.PositiveSmallIntegerField(default=1)
    attempt = models.PositiveIntegerField(default=1)  # a close is tried every minute for as long as it takes
    action = choice_field(Action)
    state = choice_field(CommandState)
    reason = models.CharField(max_length=40, blank=True)
    epoch = models.UUIDField()
    seq = models.BigIntegerField(null=True)
    hold_no = models.BigIntegerField(null=True)
    decided_on = models.ForeignKey(EaSession, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    frame_id = models.UUIDField(default=uuid7)
    position_id = models.BigIntegerField()
    symbol = models.CharField(max_length=64)
    side = choice_field(Side)
    order_type = choice_field(OrderType)
    lots = lots_field()
    lots_before = lots_field()
    lots_after = lots_field()
    price = price_field()
    deviation_points = models.PositiveIntegerField(null=True)
    sl = price_field()
    tp = price_field()
    expiry = models.CharField(max_length=40, blank=True)
    valid_until = moment_field()
    ticket = models.BigIntegerField(null=True)
    error_code = models.PositiveIntegerField(null=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    decided_at = models.DateTimeField()
    absent_from = moment_field()
    committed_at = moment_field()
    pushed_at = moment_field()
    acked_at = moment_field()
    broker_started_at = moment_field()
    broker_done_at = moment_field()
    reported_at = moment_field()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "epoch", "seq"], name="one_command_per_number"),
            models.UniqueConstraint(
                fields=["decision", "leg", "action", "attempt"], name="one_command_per_leg_and_attempt"
            ),
            models.UniqueConstraint(
                fields=["difference", "action", "attempt"],
                condition=Q(difference__isnull=False),  # few are repairs: the others take no room in its index
                name="one_command_per_repair_and_attempt",
            ),
            models.CheckConstraint(
                condition=Q(decision__isnull=False, difference__isnull=True)
                | Q(decision__isnull=True, difference__isnull=False),
                name="command_has_one_cause",
            ),
            one_of("state", CommandState, name="command_state_known"),
            models.CheckConstraint(
                condition=Q(seq__isnull=False) | Q(state__in=["held", "expired", "void"]), name="held_or_numbered"
            ),
        ]
        indexes = [
            models.Index(
                fields=["account"],
                condition=Q(state__in=[state.value for state in sorted(UNFINISHED)]),
                name="commands_unfinished",
            ),
            models.Index(fields=["account", "hold_no"], condition=Q(state=CommandState.HELD), name="commands_held"),
            models.Index(fields=["decided_at"], name="commands_by_time"),
            # Asked for when a session is purged; almost no command has one.
            models.Index(fields=["decided_on"], condition=Q(decided_on__isnull=False), name="commands_decided_on"),
            models.Index(fields=["account", "id"], name="commands_by_account"),
            # What people look for among all that went well; it costs those alone that did not.
            models.Index(fields=["state", "id"], condition=Q(state__in=_FAILED), name="commands_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.symbol} #{self.seq or 'held'}"
