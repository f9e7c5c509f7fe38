from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from uuid_utils.compat import uuid7

from sessions_app.models.fields import moment_field


class BrowserSession(AbstractBaseSession):
    """A person's session in a browser, whose it is and where it was begun, so that he can see and end it.

    `number` names it on pages: its key is what its browser shows to be let in.
    """

    number = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    signed_in_at = moment_field()

    def __str__(self) -> str:
        return f"session of {self.user} from {self.address}"
