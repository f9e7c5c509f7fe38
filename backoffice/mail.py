"""Mail to one person: a text of ours, with a link to this deployment."""

from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string

_log = structlog.get_logger(__name__)


def origin(request: HttpRequest) -> tuple[str, str]:
    """Scheme and host of links to us: of PUBLIC_URL, or without it of the request."""
    scheme, _, host = settings.PUBLIC_URL.rstrip("/").rpartition("://")
    return (scheme, host) if host else ("https" if request.is_secure() else "http", request.get_host())


def address(request: HttpRequest) -> str:
    """Where we are reached, as an EA's input has it."""
    return "://".join(origin(request))


def post(request: HttpRequest, *, to: str, subject: str, template: str, path: str, **context: Any) -> bool:
    """Send it; False, and a line in the log, when the mail server did not take it."""
    _, host = origin(request)
    text = render_to_string(template, {**context, "link": f"{address(request)}{path}", "host": host})
    try:
        send_mail(subject, text, None, [to])
    except OSError as error:  # also what smtplib raises
        _log.error("mail.not_sent", error=str(error))
        return False
    return True
