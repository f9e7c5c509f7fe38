from django.db import models
from django.db.models import Q

from orders.domain.states.fill_waits import OPEN, WaitState
from orders.models.copy import Copy
from orders.models.decision import Decision
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, lots_field, moment_field, one_of


class FillWait(models.Model):
    """A copied pending order that had not filled when the master's did, and what became of it.

    `decision` is the one on the master's `activate`. `due_at` is the deadline of the state `waiting`; none while the
    follower has never been authenticated. `lots`: the working order's; `master_lots`: the master's when it filled.
    `steps` explains the end, `code` why nothing was opened.
    """

    id = id_field()
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="fill_waits")
    copy = models.OneToOneField(Copy, on_delete=models.PROTECT, related_name="fill_wait")
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="fill_waits")
    state = choice_field(WaitState, default=WaitState.WAITING)
    due_at = moment_field()
    lots = lots_field()
    master_lots = lots_field()
    tries = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True)
    steps = models.JSONField(default=list)
    created_at = models.DateTimeField()
    settled_at = moment_field()

    class Meta:
        constraints = [
            one_of("state", WaitState, name="fill_wait_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in sorted(OPEN)], settled_at__isnull=True)
                | (~Q(state__in=[state.value for state in sorted(OPEN)]) & Q(settled_at__isnull=False)),
                name="fill_wait_open_or_settled",
            ),
            models.CheckConstraint(condition=~Q(state=WaitState.DENIED) | ~Q(code=""), name="denied_wait_has_a_code"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=WaitState.WAITING), name="fill_waits_due"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.copy}"
