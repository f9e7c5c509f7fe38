"""Create or update tenants, members, accounts, keys, strategies and subscriptions from a JSON file."""

import getpass
import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from eagateway import startup
from orders.services.provisioning import deployment
from sessions_app.services.access.keys import AlreadyDecided
from sessions_app.services.operations.history import Actor


class Command(BaseCommand):
    help = "Create or update what a deployment needs, from a JSON file; prints the ids. The same file changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the JSON file, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        document = _read(options["file"])
        if settings.EMBEDDED:
            startup.migrate()
        try:
            result = deployment.provision(document=document, by=Actor(f"provision by {person()}"))
        except deployment.ProvisioningRefused as refusal:
            raise CommandError(f"nothing was stored:\n{refusal}") from refusal
        except AlreadyDecided as decided:
            raise CommandError(f"nothing was stored: someone decided about a key just now. {decided}") from decided
        self.stdout.write(json.dumps(result, indent=2))


def _read(name: str) -> object:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        document: object = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"cannot read {name}: {error}") from error
    return document


def person() -> str:
    """Who runs this process, for the history."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an unnamed user"
