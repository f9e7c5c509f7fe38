from django.db import models

from sessions_app.models.auth_key import AuthKey


class PendingRoom(models.Model):
    """How many frames are stored of the sessions of a key that waits, all together: the one row per key that makes its
    bound exact. Nobody looks at it any more when the key is approved.
    """

    key = models.OneToOneField(AuthKey, on_delete=models.CASCADE, primary_key=True, related_name="room")
    frames = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.frames} of {self.key_id}"
