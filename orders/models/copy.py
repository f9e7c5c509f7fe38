from django.db import models
from django.db.models import Q

from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.wire.intents import OrderType, Side
from orders.models.subscription import Subscription
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, lots_field, moment_field, one_of, price_field


class Copy(models.Model):
    """The follower's position or working order that came of one leg of a copied position.

    `lots_decided`, `sl` and `tp` are where the decided commands lead; `lots_open` and `ticket` what the broker
    reported. The lineage of tickets is in the reports. `copy_no` comes with the first number of its command. `reverse`:
    it was copied the other way round. `tombstoned_at`: it was closed by hand; `lifted_at`: a user has said that the
    position may be copied anew. `detached_at`: it is the follower's own affair since its subscription was switched off.

    `master_lots`: what the master had when `lots_opened` were ordered, 0 where another leg has this one's share;
    `lots_filled`: all that ever filled. What the broker told last stands in `lots_open` and the columns
    `..._at_broker`, as of `observed_at`. `next_check_at`: when to look at it again though nothing happens, and
    `wait_reason` why. A person was called, for the last time: `unprotected_since`: for a stop that is not at the
    broker; `repeated_at`: for an open that was ordered once more; `undelivered_at`: for a close that nobody tries;
    `overdue_at`: for one that the broker does not carry out. `lots_step`, `lots_min`, `digits` and `tick_size` are its
    symbol's when it was made; null in rows that are older.
    """

    id = id_field()
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="copies", db_index=False, db_constraint=False
    )
    account = models.ForeignKey(
        BrokerAccount, on_delete=models.CASCADE, related_name="copies", db_index=False, db_constraint=False
    )
    position_id = models.BigIntegerField()
    leg = models.PositiveSmallIntegerField(default=1)
    copy_no = models.PositiveIntegerField(null=True)
    state = choice_field(CopyState)
    symbol = models.CharField(max_length=64)
    side = choice_field(Side)
    order_type = choice_field(OrderType)
    lots_opened = lots_field()
    lots_decided = lots_field()
    lots_open = lots_field()
    lots_filled = lots_field()
    master_lots = lots_field()
    price = price_field()
    sl = price_field()
    tp = price_field()
    price_at_broker = price_field()
    sl_at_broker = price_field()
    tp_at_broker = price_field()
    expiry_at_broker = models.CharField(max_length=40, null=True)  # null: placed before it was kept
    observed_at = moment_field()
    next_check_at = moment_field()
    wait_reason = models.CharField(max_length=32, blank=True)
    unprotected_since = moment_field()
    repeated_at = moment_field()
    undelivered_at = moment_field()
    overdue_at = moment_field()
    ticket = models.BigIntegerField(null=True)
    close_cause = models.CharField(max_length=32, blank=True)
    reverse = models.BooleanField(default=False)
    tombstoned_at = moment_field()
    lifted_at = moment_field()
    detached_at = moment_field()
    lots_step = lots_field()
    lots_min = lots_field()
    digits = models.PositiveSmallIntegerField(null=True)
    tick_size = price_field()
    created_at = models.DateTimeField()
    closed_at = moment_field()

    class Meta:
        verbose_name_plural = "copies"
        constraints = [
            models.UniqueConstraint(fields=["account", "copy_no"], name="one_copy_per_number"),
            models.UniqueConstraint(fields=["subscription", "position_id", "leg"], name="one_copy_per_leg"),
            one_of("state", CopyState, name="copy_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["account"], condition=Q(state__in=[state.value for state in sorted(ALIVE)]), name="copies_alive"
            ),
            models.Index(fields=["account", "ticket"], name="copies_by_ticket"),
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="copies_to_look_at"),
        ]
        permissions = [("lift_tombstone_copy", "Can lift the tombstone of a copy")]

    def __str__(self) -> str:
        return f"copy {self.copy_no or 'held'} of {self.position_id}"
