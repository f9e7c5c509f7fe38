"""Make a secret for the deployment."""

import secrets
from typing import Any, Final

from django.core.management.base import BaseCommand

SECRET_BYTES: Final = 48


class Command(BaseCommand):
    help = "Make a value for SECRET_KEY or KEY_FINGERPRINT_SECRET: 384 random bits, base64url. Nothing is stored."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(secrets.token_urlsafe(SECRET_BYTES))
