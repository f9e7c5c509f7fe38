"""The vault's keys: make one, and bring what rests on older ones to the newest."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from eagateway.env import new_vault_key
from sessions_app.services.access import vault, vault_keys
from sessions_app.vault.ring import KeyMissing, Unreadable, VaultClosed


class Command(BaseCommand):
    help = (
        "key: print a key for VAULT_KEYS, of the next version. rotate: wrap every secret with the newest key. "
        "check: open every secret of tenants, and show none."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["key", "rotate", "check"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "key":
            self.stdout.write(new_vault_key(max(settings.VAULT_KEYS, default=0) + 1))
            return
        try:
            if options["act"] == "check":
                self.stdout.write(f"secrets of tenants that open: {vault.check_all()}")
                return
            for kind, count in vault_keys.rotate():
                self.stdout.write(f"{kind}: {count} wrapped anew")
        except (VaultClosed, KeyMissing) as missing:
            raise CommandError(f"{missing} What was done stays; run it again.") from missing
        except Unreadable as changed:
            raise CommandError(
                "A stored secret was changed, or belongs elsewhere. What came before it is done."
            ) from changed
        self.stdout.write(f"Everything rests on key {max(settings.VAULT_KEYS)}. Older keys can go from VAULT_KEYS.")
