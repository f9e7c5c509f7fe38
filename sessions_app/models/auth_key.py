from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.domain.lifecycle import KeyState
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, moment_field, one_of

PROVISIONED: Final = "provisioning"
"""`requested_from` of a key that came in a provisioning document."""


class AuthKey(models.Model):
    """An EA's key for one account: argon2id hash and keyed fingerprint, never the key. What is approved is the key.

    `code`: what the EA's owner can tell of it and people compare, `domain.keys.owners_code`; empty where the key was
    stored before there were any. `retires_at`: the end of an approved key's overlap with its successor; from then on it
    is refused, and soon revoked.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="keys")
    fingerprint = models.CharField(max_length=64)
    code = models.CharField(max_length=8, blank=True, default="", db_default="")
    key_hash = models.CharField(max_length=200)
    state = choice_field(KeyState, default=KeyState.PENDING)
    requested_at = models.DateTimeField()
    requested_from = models.CharField(max_length=64, blank=True)
    decided_at = moment_field()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_as = models.CharField(max_length=150, blank=True)
    decision_reason = models.CharField(max_length=255, blank=True)
    retires_at = moment_field()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "fingerprint"], name="one_request_per_key"),
            one_of("state", KeyState, name="key_state_known"),
            models.CheckConstraint(
                condition=Q(state=KeyState.PENDING, decided_at__isnull=True, decided_as="")
                | (~Q(state=KeyState.PENDING) & Q(decided_at__isnull=False) & ~Q(decided_as="")),
                name="key_decision_whole",
            ),
            models.CheckConstraint(
                condition=Q(retires_at__isnull=True) | Q(state__in=[KeyState.APPROVED, KeyState.REVOKED]),
                name="only_approved_keys_retire",
            ),
        ]
        indexes = [
            models.Index(fields=["requested_at"], condition=Q(state=KeyState.PENDING), name="keys_waiting"),
            models.Index(
                fields=["retires_at"],
                condition=Q(state=KeyState.APPROVED, retires_at__isnull=False),
                name="keys_retiring",
            ),
        ]
        permissions = [
            ("decide_authkey", "Can approve and reject keys"),
            ("revoke_authkey", "Can revoke and retire approved keys"),
            ("share_authkey", "Can share keys beforehand"),
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint[:12]} of {self.account}"
