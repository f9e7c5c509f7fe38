from enum import StrEnum

from django.conf import settings
from django.db import models

from sessions_app.models.fields import choice_field, id_field, moment_field, one_of
from sessions_app.models.tenant import Tenant


class TokenScope(StrEnum):
    """What a token may, from the least: each what those before it may. A scope is a role of members in other words."""

    READ = "read"
    OPERATE = "operate"
    ADMINISTER = "administer"
    OWN = "own"


class ManagementToken(models.Model):
    """A program's way into the management API of one tenant. The token is shown once; `digest` is all that is kept.

    `name` is never used again: records name who did something as `token NAME`. `made_by`: the member who made it; it
    opens no more than he could. Null when the staff did. `last_used_at` is kept to the minute.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="management_tokens")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    scope = choice_field(TokenScope)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    created_as = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = moment_field()
    revoked_at = moment_field()
    revoked_as = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="one_token_per_name"),
            one_of("scope", TokenScope, name="token_scope_known"),
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_as="")
                | (models.Q(revoked_at__isnull=False) & ~models.Q(revoked_as="")),
                name="token_revocation_whole",
            ),
        ]
        permissions = [("decide_managementtoken", "Can make and revoke management tokens")]

    def __str__(self) -> str:
        return f"{self.name} of {self.tenant}"
