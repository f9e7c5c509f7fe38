from enum import StrEnum

from django.db import models

from sessions_app.models.fields import address_field, choice_field, id_field, one_of
from sessions_app.models.tenant import Tenant


class VaultSecret(models.Model):
    """A secret of a tenant, sealed: see sessions_app/vault/sealing.py. `version` counts its texts."""

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=64)
    note = models.CharField(max_length=255, blank=True)
    version = models.PositiveIntegerField()
    sealed = models.BinaryField()
    key_version = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    changed_as = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_secret_per_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.tenant}"


class VaultAct(StrEnum):
    STORED = "stored"
    REPLACED = "replaced"
    USED = "used"
    REMOVED = "removed"


class VaultUse(models.Model):
    """A secret was stored, opened for a purpose, or removed. Written with it, never changed; outlives the secret."""

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    act = choice_field(VaultAct)
    actor = models.CharField(max_length=150)
    address = address_field()
    purpose = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "at"], name="vault_uses_by_tenant"),
            models.Index(fields=["tenant", "name", "at"], name="vault_uses_by_secret"),
        ]
        constraints = [one_of("act", VaultAct, name="vault_act_known")]

    def __str__(self) -> str:
        return f"{self.name} {self.act}"
