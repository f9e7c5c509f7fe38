"""A person's second factor: set up, its recovery codes, taken away."""

from collections.abc import Callable
from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.profile.door import owing_page, own_page
from backoffice.sign_in import VERIFIED, take_code, too_many
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import browser_sessions, second_factors, sign_ins
from sessions_app.services.access.second_factors import AlreadySetUp, SetUp, WrongCode
from sessions_app.services.access.sign_ins import SignInThrottled
from sessions_app.vault.ring import VaultClosed

WRONG = "This is no code of now, or it was used before. Codes change every half minute."


class CodeForm(forms.Form):
    """A code of the phone, or where `recovery` one of the recovery codes."""

    code = forms.CharField(
        max_length=64, widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"})
    )


class SetUpForm(CodeForm):
    """The first code, and the password: who finds an open browser binds no phone of his to it."""

    field_order = ["code", "password"]
    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


@sensitive_post_parameters()
@owing_page
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, user: User) -> HttpResponseBase:
    """Show the secret to the phone, and take its first code."""
    try:
        secret = second_factors.begin(user.pk)
    except AlreadySetUp:
        # Not verified in this session: it is older than the factor, and has to be begun anew.
        return redirect("profile:me" if request.session.get(VERIFIED) else "sign_in")
    except VaultClosed:
        return TemplateResponse(request, "profile/closed.html", {"title": "Second factor"}, status=503)
    form = SetUpForm(request.POST or None)
    if form.is_valid():
        answer = _confirmed(request, user, form)
        if answer is not None:
            return answer
    name = user.get_username()
    link = f"otpauth://totp/{_quoted(f'EA Gateway:{name}')}?{urlencode({'secret': secret, 'issuer': 'EA Gateway'})}"
    context = {
        "title": "Set up your second factor",
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": segno.make(link, error="m").svg_data_uri(scale=4, border=4, light="white"),
    }
    return TemplateResponse(request, "profile/set_up.html", context)


def _confirmed(request: HttpRequest, user: User, form: SetUpForm) -> HttpResponse | None:
    """The page of the recovery codes; None when the form must be shown again."""
    name, address = user.get_username(), peer_address(request)
    try:
        sign_ins.take_try(name=name, address=address)
    except SignInThrottled as throttled:
        return too_many(request, "tenants/too_many.html", {"title": "Second factor"}, throttled)
    if not user.check_password(form.cleaned_data["password"]):
        sign_ins.refused(name=name, address=address)
        form.add_error("password", "This is not your password.")
        return None
    try:
        done = second_factors.confirm(user=user, code=form.cleaned_data["code"], address=address)
    except WrongCode:
        form.add_error("code", f"{WRONG} Is the clock of your phone right?")
        return None
    sign_ins.succeeded(name=name, address=address)
    # What was begun without it ends: whoever else is in must show it too.
    browser_sessions.end_others(user=user, but=request.session.session_key, address=address)
    request.session[VERIFIED] = True
    return _shown_once(request, done)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest, user: User) -> HttpResponseBase:
    """Ten new recovery codes."""

    def renewed() -> HttpResponse:
        return _shown_once(request, second_factors.renew_recovery_codes(user=user, address=peer_address(request)))

    return _with_code(request, user, "New recovery codes", "Make new codes", renewed)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, user: User) -> HttpResponseBase:
    """Take one's second factor away."""

    def removed() -> HttpResponse:
        second_factors.remove(user=user, by=user.get_username(), address=peer_address(request))
        request.session[VERIFIED] = False
        messages.success(request, "Your second factor was removed.")
        return redirect("profile:me")

    return _with_code(request, user, "Remove your second factor", "Remove it", removed)


def _with_code(
    request: HttpRequest, user: User, title: str, verb: str, act: Callable[[], HttpResponse]
) -> HttpResponseBase:
    """Do it, for who shows a code."""
    if not second_factors.is_set_up(user.pk):
        return redirect("profile:second_factor")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            take_code(request, user, form.cleaned_data["code"])
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": title}, throttled)
        except WrongCode:
            form.add_error("code", WRONG)
        else:
            return act()
    context: dict[str, Any] = {"title": title, "form": form, "verb": verb}
    return TemplateResponse(request, "profile/form.html", context)


def _shown_once(request: HttpRequest, done: SetUp) -> HttpResponse:
    """The codes stand on this one page alone: neither in a message nor in a session."""
    context = {"title": "Your recovery codes", "codes": done.recovery_codes}
    return TemplateResponse(request, "profile/codes.html", context, headers={"Cache-Control": "no-store"})


def _quoted(text: str) -> str:
    return urlencode({"": text})[1:].replace("+", "%20")
