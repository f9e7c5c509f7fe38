from django.db import models

from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.fields import address_field, id_field
from sessions_app.models.tenant import Tenant


class SettingChange(models.Model):
    """A person set a setting of a tenant, or of one of its accounts, otherwise. Written with it, never changed.

    `before`, `after`: what that level said; null: nothing, what stands above it holds.
    """

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor = models.CharField(max_length=150)
    address = address_field()
    reason = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "at"], name="setting_changes_by_tenant")]

    def __str__(self) -> str:
        return f"{self.name}: {self.before} to {self.after}"
