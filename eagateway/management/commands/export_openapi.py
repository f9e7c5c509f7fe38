"""Write docs/openapi.yaml from the views of the REST API."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer


def document() -> dict[str, Any]:
    """The document as the views make it."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def render() -> str:
    """The document's text."""
    text: bytes = OpenApiYamlRenderer().render(document(), renderer_context={})  # type: ignore[no-untyped-call]
    return text.decode()


class Command(BaseCommand):
    help = "Write docs/openapi.yaml from the views of the REST API."

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
        target.write_text(render())
        self.stdout.write(f"wrote {target}")
