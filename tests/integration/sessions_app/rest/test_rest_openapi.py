from pathlib import Path

from django.conf import settings

from eagateway.documents.openapi import render


def test_the_openapi_document_in_docs_is_the_one_the_views_make() -> None:
    assert (Path(settings.BASE_DIR) / "docs" / "openapi.yaml").read_text() == render()
