"""The language of whoever looks: the one that he has chosen, or what his browser asks for while nobody is signed in.

Pages and mails alone are translated. What programs are told, what stands in logs and histories, and names of states,
roles, actions and codes are English everywhere.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation.trans_real import parse_accept_lang_header

from sessions_app.auth.browser_sessions import SessionStore
from sessions_app.models.preference import spoken

_API: Final = "/ea-gateway/"


class OwnLanguage(MiddlewareMixin):
    """Shows pages in the language of whoever looks. Below /ea-gateway/ it is English."""

    def process_request(self, request: HttpRequest) -> None:
        translation.activate(settings.LANGUAGE_CODE if request.path.startswith(_API) else _wanted(request))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith(_API):
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
            patch_vary_headers(response, ("Accept-Language",))
        translation.deactivate()
        return response


def in_english() -> AbstractContextManager[None]:
    """What is kept for several people is made in no language of one of them."""
    return translation.override(settings.LANGUAGE_CODE)


def _wanted(request: HttpRequest) -> str:
    session = cast(SessionStore, request.session)
    if session.is_of_somebody:
        return spoken(session.language)
    return next(_asked_for(request), spoken(None))


def _asked_for(request: HttpRequest) -> Iterator[str]:
    """Languages that the browser names and that we have, the first first."""
    offered = dict(settings.LANGUAGES)
    for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        name = code.partition("-")[0]
        yield from (ours for ours in offered if ours.partition("-")[0] == name)
