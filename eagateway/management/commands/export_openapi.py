"""Write docs/openapi.yaml from the views of the REST API."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from eagateway.documents.openapi import render


class Command(BaseCommand):
    help = "Write docs/openapi.yaml from the views of the REST API."

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
        target.write_text(render())
        self.stdout.write(f"wrote {target}")
