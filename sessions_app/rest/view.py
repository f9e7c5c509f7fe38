"""What every view of the API shares: its pace, and the headers that announce its end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NoReturn, TypeVar

from django.utils.http import http_date
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sessions_app.domain.problems import Refused
from sessions_app.rest.throttling import Pace


@dataclass(frozen=True, slots=True)
class Deprecation:
    """An API's end, told in time. `since`: deprecated from then on; `sunset`: gone from then on; `page`: explains."""

    since: datetime
    sunset: datetime | None = None
    page: str = ""

    def headers(self) -> dict[str, str]:
        """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and the link to the page."""
        told = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            told["Sunset"] = http_date(self.sunset.timestamp())
        if self.page:
            told["Link"] = f'<{self.page}>; rel="deprecation"; type="text/html"'
        return told


class ApiView(APIView):
    """A view with the API's manners."""

    throttle_classes = [Pace]
    deprecation: ClassVar[Deprecation | None] = None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """DRF's last step, for answers and refusals alike."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.deprecation is not None:
            for name, value in self.deprecation.headers().items():
                answer.headers[name] = value
        return answer

    def throttled(self, request: Request, wait: float) -> NoReturn:
        raise Refused("throttled", retry_after=int(wait))


View = TypeVar("View", bound=type[ApiView])


def deprecated(*, since: datetime, sunset: datetime | None = None, page: str = "") -> Callable[[View], View]:
    """Declare a view's end: its answers say so, and so does the OpenAPI document."""

    def mark(view: View) -> View:
        view.deprecation = Deprecation(since, sunset, page)
        return view

    return mark


class Schema(AutoSchema):
    """drf-spectacular's description of a view, with our deprecations."""

    def is_deprecated(self) -> bool:
        return getattr(self.view, "deprecation", None) is not None
