from django.db import models
from django.db.models import Q

from sessions_app.domain.lifecycle import AccountState
from sessions_app.models.account_grant import AccountGrant
from sessions_app.models.auth_key import AuthKey
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.ea_session import EaSession
from sessions_app.models.fields import OF_PEOPLE, address_field, id_field


class SessionEvent(models.Model):
    """One change of state of a session, a key or a grant, or of the account itself.

    Written in the change's own transaction, never changed.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="events")
    session = models.ForeignKey(EaSession, on_delete=models.CASCADE, null=True, related_name="events")
    key = models.ForeignKey(AuthKey, on_delete=models.CASCADE, null=True, related_name="events")
    grant = models.ForeignKey(AccountGrant, on_delete=models.CASCADE, null=True, related_name="events")
    from_state = models.CharField(max_length=32, blank=True)
    to_state = models.CharField(max_length=32)
    reason = models.CharField(max_length=32)
    note = models.CharField(max_length=255, blank=True)
    actor = models.CharField(max_length=150)
    address = address_field()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(session__isnull=False)
                | Q(key__isnull=False)
                | Q(grant__isnull=False)
                | Q(to_state__in=[item.value for item in AccountState]),
                name="event_has_a_subject",
            )
        ]
        indexes = [
            models.Index(fields=["account", "at"], name="events_by_account"),
            models.Index(fields=["account", "id"], name="events_by_id"),
            models.Index(fields=["id"], condition=OF_PEOPLE, name="events_of_people"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} -> {self.to_state}: {self.reason}"
