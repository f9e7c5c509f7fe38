"""What somebody is told whose request is refused before any page looks at it: which right is missing and who gives it,
or that the form is older than the log-in. What was typed is shown again, for it stands in no page that he could go
back to: no browser keeps ours."""

import re
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from backoffice.policy import ROUTES, Staff, StaffGroup, permissions_of

GIVERS: Final = 10
MOST_FIELDS: Final = 60
MOST_LETTERS: Final = 2000
_NEVER_SHOWN: Final = re.compile("password|secret|key|code|token|once|answer|state|next|^save$|^version$")
"""Secrets, and what a form carries along by itself."""


def refused(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    """The page of a 403: what the policy's row of this address asks for."""
    row = ROUTES.get(request.resolver_match.view_name) if request.resolver_match else None
    staff = isinstance(request.user, User) and request.user.is_staff  # who else comes here learns no names of ours
    needed = row.door.permissions if staff and row is not None and isinstance(row.door, Staff) else ()
    context = {
        "permissions": needed,
        "groups": [group.value for group in StaffGroup if permissions_of(group) & set(needed)],
        "givers": User.objects.filter(is_superuser=True, is_active=True).order_by("username")[:GIVERS],
    }
    return render(request, "403.html", context, status=403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form whose token is not that of the log-in."""
    return render(request, "stale_form.html", {"typed": typed(request)}, status=403)


def signed_out(request: HttpRequest) -> HttpResponse:
    """The page for a form that was sent when the session was over."""
    return render(request, "signed_out.html", {"typed": typed(request)}, status=403)


def was_typed(request: HttpRequest) -> bool:
    """Whether somebody has filled in a form, and is signed in no more."""
    return request.method == "POST" and not request.user.is_authenticated and bool(typed(request))


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """What stood in the fields of the form that was sent, by their names; never a secret. Of a page of ours alone:
    another site's form would have its words read as ours."""
    if request.headers.get("Origin") != f"{request.scheme}://{request.get_host()}":
        return []
    sent = [
        (name.replace("_", " ").capitalize(), ", ".join(values)[:MOST_LETTERS])
        for name, values in request.POST.lists()
        if not _NEVER_SHOWN.search(name) and any(values)
    ]
    return sent[:MOST_FIELDS]
