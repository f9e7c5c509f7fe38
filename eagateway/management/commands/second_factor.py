"""Whether a person has a second factor; take it away from who has lost it, and his recovery codes."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from eagateway.management.commands.provision import person
from sessions_app.services.access import passkeys, second_factors


class Command(BaseCommand):
    help = "Say whether a person has a second factor. --remove takes it away: make sure first who is asking."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--remove", action="store_true")
        parser.add_argument("--reason", default="", help="why; stored with your name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError("there is nobody of this name")
        if not second_factors.is_asked(user.pk):
            self.stdout.write(f"{user.username} has no second factor")
            return
        if not options["remove"]:
            left, keys = second_factors.recovery_codes_left(user.pk), len(passkeys.of(user.pk))
            self.stdout.write(f"{user.username} has a second factor; passkeys: {keys}; recovery codes left: {left}")
            return
        if not options["reason"]:
            raise CommandError("--remove needs a --reason")
        second_factors.reset(user=user, by=f"second_factor by {person()}", reason=options["reason"])
        self.stdout.write(f"The second factor of {user.username} was removed.")
