"""Where the link of an invitation leads: join with the log-in that one has, or make one."""

from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.sign_in import enter
from sessions_app.models import Invitation
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import invitations
from sessions_app.services.access.invitations import AlreadyMember, InvitationOver


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Says who invites to what, and lets join."""
    row = invitations.of_token(token)
    if row is None:
        return _over(request)
    try:
        if isinstance(request.user, User):
            return _with_log_in(request, request.user, row)
        if invitations.has_log_in(row):
            return _show(request, row, sign_in_first=True)
        return _with_new_one(request, row)
    except InvitationOver:
        return _over(request)
    except AlreadyMember:
        return redirect("tenants:health", row.tenant_id)


def _with_log_in(request: HttpRequest, user: User, row: Invitation) -> HttpResponseBase:
    if request.method != "POST":
        return _show(request, row)
    invitations.accept(row=row, user=user, address=peer_address(request))
    return redirect("tenants:health", row.tenant_id)


def _with_new_one(request: HttpRequest, row: Invitation) -> HttpResponseBase:
    form = SetPasswordForm(User(username=row.email, email=row.email), request.POST or None)
    if not form.is_valid():
        return _show(request, row, form=form)
    password = form.cleaned_data["new_password1"]
    user = invitations.accept_as_new(row=row, password=password, address=peer_address(request))
    enter(request, user, verified=False)
    return redirect("tenants:health", row.tenant_id)


def _show(request: HttpRequest, row: Invitation, **context: Any) -> HttpResponseBase:
    shared = {"title": gettext("You are invited"), "row": row}
    return TemplateResponse(request, "profile/invitation.html", {**shared, **context})


def _over(request: HttpRequest) -> HttpResponseBase:
    return TemplateResponse(request, "profile/invitation.html", {"title": gettext("You were invited")}, status=404)
