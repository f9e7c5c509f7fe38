"""The token endpoint (RFC 6749, client credentials alone): the only view of the OAuth library that is served."""

from typing import Any, Final

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.views import TokenView

from sessions_app import queries
from sessions_app.auth.oauth_client_credentials import METHOD
from sessions_app.auth.registry import offered
from sessions_app.rest.parsing import counted_address, peer_address
from sessions_app.services.access import rate_counters

MAX_BODY: Final = 16 * 1024
_PRIVATE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_log = structlog.get_logger(__name__)


@method_decorator(csrf_exempt, name="dispatch")
class ClientTokenView(TokenView):  # type: ignore[misc] # the library is untyped
    """`POST /oauth/token`: an access token for a client's id and secret, in the body or by HTTP Basic."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """An access token, or an error of RFC 6749, 5.2.

        :raises Http404: this deployment has no such endpoint: the method is off, or another issuer's
        """
        if METHOD not in offered() or settings.OAUTH["introspection_url"]:
            raise Http404
        address = peer_address(request)
        limit, scope = settings.GATEWAY["token_requests_per_minute"], f"token for {counted_address(request)}"
        if not rate_counters.count_request(scope=scope, limit=limit, now=queries.database_now()):
            _log.warning("oauth.throttled", address=address)
            return _error(
                "temporarily_unavailable", 429, {"Retry-After": str(int(rate_counters.WINDOW.total_seconds()))}
            )
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            return _error("invalid_request", 413)
        if any("\x00" in "".join(values) for _, values in request.POST.lists()):
            return _error("invalid_request", 400)
        readable = request.headers.get("Authorization", "").isascii()  # the library fails on anything else
        answer = self.authorization_flow_token_response(request) if readable else _error("invalid_client", 401)
        return _finished(answer, request, address)


def _error(code: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return JsonResponse({"error": code}, status=status, headers={**_PRIVATE, **(headers or {})})


def _finished(answer: HttpResponse, request: HttpRequest, address: str) -> HttpResponse:
    """Never cached; a client that failed by HTTP Basic is told to use it (RFC 6749, 5.2)."""
    for name, value in _PRIVATE.items():
        answer[name] = value
    if answer.status_code == 401:
        _log.warning("oauth.client_refused", address=address)
        if answer.has_header("WWW-Authenticate"):
            del answer["WWW-Authenticate"]
        if request.headers.get("Authorization", "").lower().startswith("basic"):
            answer["WWW-Authenticate"] = 'Basic realm="ea-gateway", charset="UTF-8"'
    return answer
