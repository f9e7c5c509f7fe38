from django.db import models
from django.db.models import Q

from sessions_app.models.fields import id_field, moment_field
from sessions_app.models.tenant import Tenant


class OauthClient(models.Model):
    """A program of a tenant that gets access tokens: here (`application`, whose secret is hashed) or at the external
    issuer, then without an application. A revoked one has lost its application and tokens, and its name stays taken.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="oauth_clients")
    client_id = models.CharField(max_length=100, unique=True)
    application = models.OneToOneField(
        "oauth2_provider.Application", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField()
    created_as = models.CharField(max_length=150)
    revoked_at = moment_field()
    revoked_as = models.CharField(max_length=150, blank=True)
    revocation_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "OAuth client"
        constraints = [
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_as="")
                | (Q(revoked_at__isnull=False, application__isnull=True) & ~Q(revoked_as="")),
                name="client_revocation_whole",
            )
        ]
        permissions = [("decide_oauthclient", "Can register OAuth clients and revoke them")]

    def __str__(self) -> str:
        return self.client_id
