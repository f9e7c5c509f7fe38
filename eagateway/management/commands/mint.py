"""Make keys for EAs that this deployment knows as its own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.auth.hashing import mint_key


class Command(BaseCommand):
    help = (
        "Make keys for EAs, one a line: 256 random bits each, and a tag by which this deployment knows that they are"
        " its own, so that it need not hash them slowly. Nothing is stored; provision them."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", type=int, nargs="?", default=1, help="how many (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        for _ in range(options["count"]):
            self.stdout.write(mint_key())
