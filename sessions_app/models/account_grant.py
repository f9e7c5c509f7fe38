from django.db import models

from sessions_app.domain.lifecycle import GrantState
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, one_of


class AccountGrant(models.Model):
    """Who may serve an account by showing something other than a key of it.

    `subject` is what the method calls the other side: an OAuth client's id, the subject of an issuer's token. What
    `granted` says is final for no one: a revoked grant may be granted again.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="grants")
    method = models.CharField(max_length=40)
    subject = models.CharField(max_length=255)
    state = choice_field(GrantState, default=GrantState.GRANTED)
    decided_at = models.DateTimeField()
    decided_as = models.CharField(max_length=150)
    decision_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "method", "subject"], name="one_grant_per_subject"),
            models.CheckConstraint(
                condition=~models.Q(subject="") & ~models.Q(decided_as=""), name="grant_decision_whole"
            ),
            one_of("state", GrantState, name="grant_state_known"),
        ]
        indexes = [models.Index(fields=["method", "subject"], name="grants_by_subject")]
        permissions = [("decide_accountgrant", "Can grant accounts and withdraw them")]

    def __str__(self) -> str:
        return f"{self.subject} for {self.account}"
