from django.db import models
from django.db.models import Q

from orders.domain.states.differences import STANDING, DifferenceState
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models.copy import Copy
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, moment_field, one_of

_STANDING = [state.value for state in sorted(STANDING)]


class Difference(models.Model):
    """One disagreement between a terminal's book and our copies, from the snapshot that showed it first.

    `subject` names what it is about; while it stands there is one row for it. `reason`: why it is not repaired, or how
    it ended; `seen_at`: the snapshot that changed it last.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="differences")
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, null=True, related_name="differences")
    kind = choice_field(DifferenceKind)
    severity = choice_field(DifferenceSeverity)
    state = choice_field(DifferenceState)
    subject = models.CharField(max_length=40)
    symbol = models.CharField(max_length=64)
    copy_no = models.PositiveIntegerField(null=True)
    ticket = models.BigIntegerField(null=True)
    expected = models.CharField(max_length=80)
    actual = models.CharField(max_length=80)
    reason = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = moment_field()

    class Meta:
        permissions = [("decide_difference", "Can accept and refuse differences")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "subject"], condition=Q(state__in=_STANDING), name="one_standing_difference"
            ),
            one_of("kind", DifferenceKind, name="difference_kind_known"),
            one_of("severity", DifferenceSeverity, name="difference_severity_known"),
            one_of("state", DifferenceState, name="difference_state_known"),
        ]
        indexes = [
            models.Index(fields=["account"], condition=Q(state__in=_STANDING), name="differences_standing"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.symbol} {self.subject}"
