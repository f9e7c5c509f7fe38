from django.conf import settings
from django.db import models

from sessions_app.models.fields import id_field, moment_field


class SecondFactor(models.Model):
    """What a person's phone makes codes from, sealed by the vault. It counts once its owner has shown a code of it.

    `last_step`: the half minute of the last code that was taken; no code is taken twice.
    """

    id = id_field()
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor")
    sealed = models.BinaryField()
    key_version = models.PositiveIntegerField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = moment_field()

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCode(models.Model):
    """Opens once in place of a code of the phone. Only its digest is stored: it has 80 random bits."""

    id = id_field()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = moment_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="one_recovery_code")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"
