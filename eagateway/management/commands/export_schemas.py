"""Write docs/schemas from the server's message types: the SDKs' types are made from it."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from eagateway.documents.frame_types import schema_document


def render() -> str:
    """The schema file's text."""
    return json.dumps(schema_document(), indent=2) + "\n"


class Command(BaseCommand):
    help = "Write docs/schemas/frames.json from the server's message types."

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.BASE_DIR) / "docs" / "schemas" / "frames.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render())
        self.stdout.write(f"wrote {target}")
