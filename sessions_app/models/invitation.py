from django.db import models

from sessions_app.models.fields import choice_field, id_field, moment_field, one_of
from sessions_app.models.member import Role
from sessions_app.models.tenant import Tenant


class Invitation(models.Model):
    """Somebody was asked by mail to become a member. `digest`: of the secret in his link, which opens once.

    It ends when it is accepted, when it is withdrawn (`accepted_as` stays empty), or by its time.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = choice_field(Role)
    digest = models.CharField(max_length=64, unique=True)
    invited_as = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = moment_field()
    accepted_as = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "ended_at"], name="invitations_by_tenant")]
        constraints = [one_of("role", Role, name="invitation_role_known")]

    def __str__(self) -> str:
        return f"{self.email} to {self.tenant}"
