"""Make a key for an EA."""

import secrets
from typing import Any, Final

from django.core.management.base import BaseCommand

KEY_BYTES: Final = 32


class Command(BaseCommand):
    help = "Make a key for an EA: 256 random bits, base64url. Nothing is stored; provision it, or let the EA show it."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(secrets.token_urlsafe(KEY_BYTES))
