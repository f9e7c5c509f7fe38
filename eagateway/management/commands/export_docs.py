"""Write the generated parts of the documents: tables, diagrams, docs/asyncapi.yaml."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from eagateway.documents.tables import documents


class Command(BaseCommand):
    help = "Write the generated parts of docs/ from the code."

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in documents(Path(settings.BASE_DIR)).items():
            path.write_text(text)
            self.stdout.write(f"wrote {path.relative_to(settings.BASE_DIR)}")
