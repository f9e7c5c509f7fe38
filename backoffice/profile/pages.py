"""A person's own log-in: what protects it, where it is open, his password."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backoffice.profile.door import own_page
from backoffice.sign_in import place_of
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import browser_sessions, passkeys, passwords, second_factors


@own_page
@require_safe
def me(request: HttpRequest, user: User) -> HttpResponseBase:
    """The start of a person's own pages."""
    context = {
        "title": gettext("Your log-in"),
        "has_factor": second_factors.is_set_up(user.pk),
        "passkeys": passkeys.of(user.pk),
        "passkeys_work": passkeys.work_at(place_of(request)),
        "passkeys_on": passkeys.are_on(),
        "codes_left": second_factors.recovery_codes_left(user.pk),
        "sessions": browser_sessions.of(user.pk),
        "this_one": request.session.session_key,
    }
    return TemplateResponse(request, "profile/me.html", context)


@own_page
@require_POST
def end_session(request: HttpRequest, user: User, number: UUID) -> HttpResponseBase:
    """End one of one's own sessions; another's is none."""
    if not browser_sessions.end(user=user, number=number, address=peer_address(request)):
        raise Http404
    messages.success(request, gettext("The session was ended."))
    return redirect("profile:me")


@own_page
@require_POST
def end_others(request: HttpRequest, user: User) -> HttpResponseBase:
    """End all of one's sessions but this one."""
    count = browser_sessions.end_others(user=user, but=request.session.session_key, address=peer_address(request))
    messages.success(request, gettext("Other sessions that were ended: %(count)s.") % {"count": count})
    return redirect("profile:me")


@sensitive_post_parameters()
@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest, user: User) -> HttpResponseBase:
    """Another password; all other sessions end."""
    form = PasswordChangeForm(user, request.POST or None)
    if form.is_valid():
        passwords.change(
            user=user, password=form.cleaned_data["new_password1"], keep=request.session.session_key,
            address=peer_address(request),
        )  # fmt: skip
        update_session_auth_hash(request, user)
        messages.success(request, gettext("Your password was changed. Your other sessions have ended."))
        return redirect("profile:me")
    context = {"title": gettext("Change your password"), "form": form, "verb": gettext("Change it")}
    return TemplateResponse(request, "profile/form.html", context)
