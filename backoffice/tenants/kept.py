"""Answers to what a member has sent have an address: a browser that goes back to one asks for it again, and one that
loads it anew sends nothing twice. They are kept with his log-in, and end with it.
"""

import base64
import secrets
import zlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

MOST: Final = 3
"""Answers that are kept: each page view of the log-in reads them."""
_NAME: Final = "answer"
_PLACE: Final = "answers"


def keep(request: HttpRequest, page: TemplateResponse) -> HttpResponseBase:
    """The way to the page, which stays as it was when it was answered."""
    name = secrets.token_urlsafe(12)
    text = base64.b85encode(zlib.compress(page.render().content)).decode()
    request.session[_PLACE] = [*request.session.get(_PLACE, []), [name, request.path, text]][-MOST:]
    query = request.GET.copy()
    query[_NAME] = name
    return redirect(f"{request.path}?{query.urlencode()}")


def kept(request: HttpRequest) -> HttpResponse | None:
    """The answer that the address names; None where there is none, or none any more."""
    asked = request.GET.get(_NAME)
    for name, path, text in request.session.get(_PLACE, []) if asked else []:
        if (name, path) == (asked, request.path):
            return HttpResponse(zlib.decompress(base64.b85decode(text)))
    return None
