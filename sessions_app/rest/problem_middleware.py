"""Problem bodies for what never reaches a view of the API: unknown addresses, foreign hosts, unreadable requests."""

from collections.abc import Callable, Mapping
from typing import IO, Any, Final

import structlog
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from sessions_app.rest.parsing import names_token
from sessions_app.rest.problems import bare_problem

BELOW: Final = "/ea-gateway"
MAX_ADDRESS: Final = 4096
_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_big",
    414: "uri_too_long",
}
_log = structlog.get_logger(__name__)


def problems_everywhere(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Outermost middleware: below /ea-gateway a page that tells of an error becomes a problem body."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _unreadable(request) or _as_problem(request, get_response(request))

    return answer


class ProblemHandler(ASGIHandler):
    """Django's handler, whose answers to requests that Django cannot even read are problem bodies.

    A request is served by one thread from the first middleware to the view and back. Django alone would come back to
    the event loop between two middlewares, for every page and every new session: twenty hops, each of which waits
    for the loop that sends commands, and holds it up.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = await sync_to_async(self.get_response)(request)
        return answer

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        request, refusal = super().create_request(scope, body_file)
        path = str(scope.get("path", ""))
        if refusal is None or not is_below_api(path):
            return (request, None) if request is not None else (None, refusal or HttpResponse(status=400))
        return None, bare_problem(_CODES.get(refusal.status_code, "bad_request"), instance=path)


def _unreadable(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to an address that nobody looks at: too long, or with a token in it."""
    query = request.META.get("QUERY_STRING", "")
    if not is_below_api(request.path):
        return None
    if len(request.path) + len(query) > MAX_ADDRESS:
        return bare_problem("uri_too_long", instance="")
    return bare_problem("token_in_address", instance=request.path) if names_token(query) else None


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What a view of the API says stays; Django's own pages, and empty errors, do not."""
    kind = response.headers.get("Content-Type", "")
    if response.status_code < 400 or not is_below_api(request.path) or not kind.startswith("text/html"):
        return response
    code = "internal" if response.status_code >= 500 else _CODES.get(response.status_code, "bad_request")
    problem = bare_problem(code, instance=request.path)
    for name, value in response.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            problem.headers.setdefault(name, value)
    return problem


def is_below_api(path: str) -> bool:
    """Whether errors at this path are problem bodies."""
    return path == BELOW or path.startswith(f"{BELOW}/")
