"""Documents for machines, served as they are in docs/: made once per process, revalidated by ETag."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from sessions_app.rest.view import ApiView

FRESH_SECONDS: Final = 300


@dataclass(frozen=True)
class Document:
    """A document and its content type. `make` is called once per process, when it is first asked for."""

    make: Callable[[], bytes]
    kind: str = "application/json"

    @cached_property
    def content(self) -> bytes:
        return self.make()

    @cached_property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:32]}"'


class PublishedView(ApiView):
    """`as_view(document=...)`: the document, to anybody. It changes only with a new release."""

    schema = None
    document: ClassVar[Document] = Document(bytes)

    def get(self, request: Request) -> HttpResponseBase | None:
        answer = HttpResponse(self.document.content, content_type=self.document.kind)
        answer.headers["ETag"] = self.document.etag
        answer.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        return get_conditional_response(request._request, etag=self.document.etag, response=answer)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """There is one form only, so nothing is negotiated."""
        return JSONRenderer(), self.document.kind
