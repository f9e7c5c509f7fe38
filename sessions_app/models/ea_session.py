from django.db import models
from django.db.models import Q

from sessions_app.domain.lifecycle import LIVING, Reason, SessionStatus
from sessions_app.models.account_grant import AccountGrant
from sessions_app.models.auth_key import AuthKey
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import choice_field, id_field, moment_field, one_of

_LIVING = [status.value for status in sorted(LIVING)]


class EaSession(models.Model):
    """One terminal's session. `stored_seq`: the contiguous top of its durable frames; `deadline_at`: database clock;
    `links`: how many sockets and exchanges it has had; the newest is the one in force.

    It rests on one proof: the key that its terminal showed, or the grant that its token led to.
    `hello`: what its last Hello said of its ledger; `settled_at`: when the commands of its predecessor were cleared up.
    `gateway`: the process that its terminal spoke to last. `silence_held_at`: it fell silent together with many others,
    and its end was put off once.
    """

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="sessions")
    key = models.ForeignKey(AuthKey, on_delete=models.CASCADE, null=True, related_name="sessions")
    grant = models.ForeignKey(AccountGrant, on_delete=models.CASCADE, null=True, related_name="sessions")
    auth_method = models.CharField(max_length=40)
    state = choice_field(SessionStatus, default=SessionStatus.PENDING)
    fence = models.BigIntegerField(default=0)
    token_hash = models.CharField(max_length=64, unique=True)
    idempotency_key = models.CharField(max_length=64, null=True)
    request_digest = models.CharField(max_length=64, blank=True)
    platform = models.CharField(max_length=16)
    ea_version = models.CharField(max_length=64, blank=True)
    environment = models.JSONField(default=dict)
    remote_address = models.CharField(max_length=64, blank=True)
    installation_id = models.CharField(max_length=64, blank=True)
    ledger_head = models.BigIntegerField(default=0)
    hello = models.JSONField(null=True)
    settled_at = moment_field()
    stored_seq = models.BigIntegerField(default=0)
    links = models.PositiveIntegerField(default=0)
    foreign_reports = models.PositiveIntegerField(default=0)
    heartbeat_interval = models.PositiveIntegerField()
    heartbeat_timeout = models.PositiveIntegerField()
    last_heartbeat_at = moment_field()
    deadline_at = models.DateTimeField()
    gateway = models.UUIDField(null=True)
    silence_held_at = moment_field()
    status = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    authenticated_at = moment_field()
    closed_at = moment_field()
    close_reason = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(state=SessionStatus.AUTHENTICATED), name="one_session_per_account"
            ),
            models.UniqueConstraint(fields=["id", "state", "fence"], name="session_state_and_fence"),
            models.UniqueConstraint(fields=["key", "idempotency_key"], name="one_session_per_key_and_replay"),
            models.UniqueConstraint(fields=["grant", "idempotency_key"], name="one_session_per_grant_and_replay"),
            one_of("state", SessionStatus, name="session_state_known"),
            models.CheckConstraint(
                condition=Q(key__isnull=False, grant__isnull=True) | Q(key__isnull=True, grant__isnull=False),
                name="session_rests_on_one_proof",
            ),
            models.CheckConstraint(
                condition=Q(state__in=_LIVING, closed_at__isnull=True, close_reason="")
                | (
                    ~Q(state__in=_LIVING) & Q(closed_at__isnull=False, close_reason__in=[item.value for item in Reason])
                ),
                name="session_end_whole",
            ),
        ]
        indexes = [models.Index(fields=["deadline_at"], condition=Q(state__in=_LIVING), name="sessions_living")]
        permissions = [("end_easession", "Can end sessions")]
        verbose_name = "EA session"

    def __str__(self) -> str:
        return f"{self.account} {self.state}"
