"""The published documents: what /ea-gateway/v1 serves is what docs/ holds."""

import json
from typing import Final

from eagateway.documents import asyncapi, openapi
from eagateway.documents.frame_types import schema_document
from sessions_app.rest.published import Document


def _encoded(document: object) -> bytes:
    return json.dumps(document, indent=2).encode()


OPENAPI: Final = Document(lambda: _encoded(openapi.document()))
ASYNCAPI: Final = Document(lambda: _encoded(asyncapi.document()))
FRAMES: Final = Document(lambda: _encoded(schema_document()), "application/schema+json")
