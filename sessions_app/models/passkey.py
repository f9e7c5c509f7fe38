from django.conf import settings
from django.db import models

from sessions_app.models.fields import id_field, moment_field


class Passkey(models.Model):
    """The public half of a key that a person's device or stick keeps to itself. Nothing of it is secret.

    `counter`: how often the device says that it has signed; many always say 0. `last_asked_at`: when the last challenge
    was made that it answered; no older one is taken.
    """

    id = id_field()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=64)
    credential_id = models.BinaryField(unique=True)
    credential = models.BinaryField()
    counter = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    last_asked_at = models.DateTimeField()
    last_used_at = moment_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_passkey_per_name")]

    def __str__(self) -> str:
        return f"passkey {self.name} of {self.user}"
