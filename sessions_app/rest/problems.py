"""Every error of the REST API as RFC 9457 problem details.

No body repeats what was sent; unexpected errors say nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from sessions_app.domain.problems import PROBLEMS, Problem, Refused

CONTENT_TYPE: Final = "application/problem+json"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Finding:
    """One problem, as it stands in the body."""

    problem: Problem
    detail: str = ""
    path: str | None = None
    retry_after: int | None = None
    errors: tuple[tuple[str, str], ...] = ()


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to any exception that a view lets through: REST_FRAMEWORK's EXCEPTION_HANDLER."""
    finding = _find(exc)
    request: HttpRequest | None = context.get("request")
    headers = {"Cache-Control": "no-store"}
    retry_after = finding.problem.wait if finding.retry_after is None else finding.retry_after
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if finding.problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ea-gateway"'
    if isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(_allowed(context))
    body = _body(finding, instance=request.path if request is not None else "")
    return Response(body, status=finding.problem.status, headers=headers, content_type=CONTENT_TYPE)


def bare_problem(code: str, *, instance: str) -> HttpResponse:
    """A problem body outside any view."""
    problem = PROBLEMS[code]
    answer = HttpResponse(
        msgspec.json.encode(_body(_Finding(problem), instance=instance)),
        content_type=CONTENT_TYPE,
        status=problem.status,
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if problem.wait is not None:
        answer.headers["Retry-After"] = str(problem.wait)
    return answer


def problem_body(refusal: Refused, *, instance: str) -> dict[str, Any]:
    """The same body for a door that is no view."""
    return _body(_find(refusal), instance=instance)


def _allowed(context: Mapping[str, Any]) -> list[str]:
    view = context.get("view")
    return list(view.allowed_methods) if view is not None else []


def _body(finding: _Finding, *, instance: str) -> dict[str, Any]:
    problem = finding.problem
    body: dict[str, Any] = {
        "type": f"urn:ea-gateway:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": finding.detail or problem.title,
        "code": problem.code,
        "path": finding.path,
        "instance": instance,
        "remediation": problem.remediation,
    }
    if finding.errors:
        body["errors"] = [{"path": path, "message": message} for path, message in finding.errors]
    return body


def _find(exc: Exception) -> _Finding:
    if isinstance(exc, Refused):
        return _Finding(exc.problem, exc.message, exc.path, exc.retry_after)
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(exc)
    if isinstance(exc, (OperationalError, InterfaceError)):
        _log.exception("api.database_away")
        return _Finding(PROBLEMS["try_later"])
    problem = _of_framework(exc)
    if problem is not None:
        return _Finding(problem)
    _log.exception("api.failed", error=type(exc).__name__)
    return _Finding(PROBLEMS["internal"], "The gateway failed on this request")


def _of_framework(exc: Exception) -> Problem | None:
    known: tuple[tuple[type[Exception], Problem], ...] = (
        (Http404, PROBLEMS["not_found"]),
        (exceptions.NotFound, PROBLEMS["not_found"]),
        (exceptions.MethodNotAllowed, PROBLEMS["method_not_allowed"]),
        (exceptions.NotAcceptable, PROBLEMS["not_acceptable"]),
        (exceptions.UnsupportedMediaType, PROBLEMS["media_type_unsupported"]),
        (RequestDataTooBig, PROBLEMS["body_too_big"]),
        (exceptions.ParseError, PROBLEMS["bad_request"]),
        (BadRequest, PROBLEMS["bad_request"]),
    )
    return next((problem for kind, problem in known if isinstance(exc, kind)), None)


def _invalid(exc: exceptions.ValidationError) -> _Finding:
    """All mistakes of a body, the first one also on top."""
    errors = tuple(_flatten(exc.detail))
    path, message = errors[0] if errors else ("", "")
    return _Finding(PROBLEMS["invalid"], message, path or None, errors=errors)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = "" if name == "non_field_errors" else str(name)
            yield from _flatten(inner, ".".join(part for part in (path, here) if part))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flatten(inner, path)
    else:
        yield path, str(detail)
