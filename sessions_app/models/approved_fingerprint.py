from django.db import models
from django.db.models import Q

from sessions_app.models.fields import id_field, moment_field
from sessions_app.models.tenant import Tenant


class ApprovedFingerprint(models.Model):
    """A tenant's policy: the key with this fingerprint is approved when it asks first, for accounts of the pattern.

    `fingerprint`: SHA-256 of the key, which its owner can tell without showing it, or the keyed fingerprint that the
    approval desk shows; both hex. A key has 128 random bits or more: neither says anything about it.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="approved_fingerprints")
    fingerprint = models.CharField(max_length=64)
    accounts = models.CharField(max_length=128, default="*")
    reason = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    created_as = models.CharField(max_length=150)
    withdrawn_at = moment_field()
    withdrawn_as = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "fingerprint"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_approval_per_fingerprint",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_as="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_as="")),
                name="fingerprint_end_whole",
            ),
        ]
        indexes = [models.Index(fields=["fingerprint"], name="fingerprints_approved")]
        permissions = [("decide_approvedfingerprint", "Can approve fingerprints beforehand and withdraw them")]

    def __str__(self) -> str:
        return f"{self.fingerprint[:12]} of {self.tenant}"
