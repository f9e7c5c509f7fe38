from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.domain.mailing import STANDING, MessageKind, MessagePurpose, MessageState
from sessions_app.models.fields import choice_field, id_field, moment_field, one_of
from sessions_app.models.operator_alert import OperatorAlert
from sessions_app.models.tenant import Tenant


class OutboxMessage(models.Model):
    """Something that shall go out to one person: written with what it is about, sent later, and tried again.

    `due_at`: when it is tried next; while it is being sent, when whoever sends it is taken for dead. `tries` is counted
    before each try, so that one which kills its process ends too. `kind` says who sends it.
    """

    id = id_field()
    kind = choice_field(MessageKind)
    purpose = choice_field(MessagePurpose)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    state = choice_field(MessageState, default=MessageState.WAITING)
    due_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    ended_at = moment_field()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=list(STANDING)), name="outbox_due"),
            models.Index(fields=["user", "created_at"], name="outbox_by_user"),
            models.Index(fields=["ended_at"], name="outbox_ended"),
        ]
        constraints = [
            one_of("kind", MessageKind, name="message_kind_known"),
            one_of("purpose", MessagePurpose, name="message_purpose_known"),
            one_of("state", MessageState, name="message_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}: {self.state}"


class AlertNotice(models.Model):
    """A person is to be told of an alert; `over`: that it has ended. One row each, so that nobody is told twice.

    `message`: what it went into when it was due. `said_over`: the alert had ended when that was written.
    """

    id = id_field()
    alert = models.ForeignKey(OperatorAlert, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    over = models.BooleanField(default=False)
    due_at = models.DateTimeField()
    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, null=True, related_name="notices")
    said_over = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(message=None), name="alert_notices_due")]
        constraints = [models.UniqueConstraint(fields=["alert", "user", "over"], name="one_notice_of_an_alert")]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.user_id}"
