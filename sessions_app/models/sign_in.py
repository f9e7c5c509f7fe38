from django.db import models

from sessions_app.models.fields import id_field


class SignIn(models.Model):
    """A person signed in to the admin, or somebody tried to. Written when it happens, never changed.

    `name` is empty where nobody is called so: people type their password there by mistake.
    """

    id = id_field()
    name = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=64)
    succeeded = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = "sign-in"
        indexes = [
            models.Index(fields=["name", "address"], condition=models.Q(succeeded=True), name="sign_ins_known"),
            models.Index(fields=["at"], name="sign_ins_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.name or 'somebody'} from {self.address}"
