from typing import Final

from django.db import models
from django.db.models import Q

from orders.domain.decision.inputs import Outcome
from orders.domain.states.denials import Code
from orders.models.intent import Intent
from orders.models.subscription import Subscription
from sessions_app.models.fields import choice_field, id_field, one_of

_UNMAPPED: Final = [Code.SYMBOL_NOT_FOUND.value, Code.SYMBOL_AMBIGUOUS.value]


class Decision(models.Model):
    """What we concluded for one subscription: `steps` holds every step's inputs and outputs.

    `version`: of the subscription's settings; decisions of earlier releases name none.
    """

    id = id_field()
    intent = models.ForeignKey(Intent, on_delete=models.PROTECT, related_name="decisions", db_constraint=False)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="decisions", db_index=False, db_constraint=False
    )
    outcome = choice_field(Outcome)
    code = models.CharField(max_length=40, blank=True)
    steps = models.JSONField()
    version = models.PositiveIntegerField(null=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "intent"], name="one_decision_per_intent"),
            one_of("outcome", Outcome, name="decision_outcome_known"),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.COPIED, code="") | (~Q(outcome=Outcome.COPIED) & ~Q(code="")),
                name="every_no_has_a_code",
            ),
        ]
        indexes = [
            models.Index(fields=["decided_at"], name="decisions_by_time"),
            # Asked for over a month, to be put right by a person; most decisions take no room in it.
            models.Index(fields=["decided_at"], condition=Q(code__in=_UNMAPPED), name="decisions_unmapped"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code}".strip()
