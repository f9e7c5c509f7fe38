from django.conf import settings
from django.db import models

from sessions_app.domain.zones import UTC_NAME


class Preference(models.Model):
    """How a person wants to be spoken to, on pages and in mails alike. Without a row: in UTC, and in the language of
    the deployment. `zone`: an IANA name. `language`: empty is the deployment's.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preference"
    )
    zone = models.CharField(max_length=64, default=UTC_NAME)
    language = models.CharField(max_length=16, default="", blank=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"preference of {self.user}"


def spoken(language: str | None) -> str:
    """The language that somebody has chosen, if it is one of ours still; else that of the deployment."""
    return language if language in dict(settings.LANGUAGES) else str(settings.PEOPLES_LANGUAGE)
