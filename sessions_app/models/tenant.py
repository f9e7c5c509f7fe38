from django.db import models

from sessions_app.models.fields import id_field, moment_field


class Tenant(models.Model):
    """A customer of this deployment. Nulls take the deployment's value.

    `auth_methods` narrows what the deployment offers; it never adds to it.
    `overrides`: other settings of `sessions_app/domain/configuration.py` that it has set otherwise.
    `suspended_at`: its members and its management tokens are shut out; its EAs and their copies go on.
    `repairs`: what is done about differences between books, by their kind, where a subscription does not say.
    """

    id = id_field()
    name = models.CharField(max_length=100, unique=True)
    auth_methods = models.JSONField(null=True)
    self_enrolment = models.BooleanField(null=True)
    heartbeat_interval = models.PositiveIntegerField(null=True)
    heartbeat_timeout = models.PositiveIntegerField(null=True)
    repairs = models.JSONField(default=dict)
    overrides = models.JSONField(null=True)
    suspended_at = moment_field()
    created_at = models.DateTimeField()

    class Meta:
        permissions = [("suspend_tenant", "Can suspend tenants and lift it")]

    def __str__(self) -> str:
        return self.name
