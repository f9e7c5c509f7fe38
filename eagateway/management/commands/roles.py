"""`manage.py roles`: bring the staff's groups to what the policy says."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.staff.groups import keep_groups


class Command(BaseCommand):
    help = "Make the staff's four groups, or bring them back to what the policy's table says."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            kept = keep_groups()
        except LookupError as error:
            raise CommandError(str(error)) from error
        for group, count in kept.items():
            self.stdout.write(f"{group.value}: {count} permissions")
