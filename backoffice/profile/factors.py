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
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.profile.door import owing_page, own_page
from backoffice.sign_in import VERIFIED, older_than_factor, place_of, take_code, too_many
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import browser_sessions, passkeys, second_factors, sign_ins
from sessions_app.services.access.second_factors import AlreadySetUp, SetUp, WrongCode
from sessions_app.services.access.sign_ins import SignInThrottled
from sessions_app.vault.ring import VaultClosed

WRONG = gettext_lazy("This is no code of now, or it was used before. Codes change every half minute.")


class CodeForm(forms.Form):
    """A code of the phone, or where `recovery` one of the recovery codes."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )


class PasswordForm(forms.Form):
    """The person's password, once more: who finds an open browser changes nothing of how it is entered."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class SetUpForm(CodeForm, PasswordForm):
    """The first code, and the password: who finds an open browser binds no phone of his to it."""

    field_order = ["code", "password"]


@sensitive_post_parameters()
@owing_page
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, user: User) -> HttpResponseBase:
    """Show the secret to the phone, and take its first code."""
    if older_than_factor(request, user):
        return redirect("sign_in")
    offers_passkey = passkeys.work_at(place_of(request)) and not passkeys.of(user.pk)
    try:
        secret = second_factors.begin(user.pk)
    except AlreadySetUp:
        return redirect("profile:me")
    except VaultClosed:
        if offers_passkey:
            return redirect("profile:add_passkey")
        return TemplateResponse(request, "profile/closed.html", {"title": gettext("Second factor")}, status=503)
    form = SetUpForm(request.POST or None)
    if form.is_valid():
        answer = _confirmed(request, user, form)
        if answer is not None:
            return answer
    name = user.get_username()
    link = f"otpauth://totp/{_quoted(f'EA Gateway:{name}')}?{urlencode({'secret': secret, 'issuer': 'EA Gateway'})}"
    context = {
        "title": gettext("Set up your second factor"),
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "offers_passkey": offers_passkey,
        "picture": segno.make(link, error="m").svg_data_uri(scale=4, border=4, light="white"),
    }
    return TemplateResponse(request, "profile/set_up.html", context)


def _confirmed(request: HttpRequest, user: User, form: SetUpForm) -> HttpResponse | None:
    """The page of the recovery codes; None when the form must be shown again."""
    try:
        if not password_is_right(request, user, form):
            return None
    except SignInThrottled as throttled:
        return too_many(request, "tenants/too_many.html", {"title": gettext("Second factor")}, throttled)
    try:
        done = second_factors.confirm(user=user, code=form.cleaned_data["code"], address=peer_address(request))
    except WrongCode:
        form.add_error("code", f"{WRONG} {gettext('Is the clock of your phone right?')}")
        return None
    begin_anew_elsewhere(request, user)
    return shown_once(request, done)


def password_is_right(request: HttpRequest, user: User, form: forms.Form) -> bool:
    """Look at the password that was typed, as one try of its name; else say so in the form.

    :raises SignInThrottled: too many tries
    """
    name, address = user.get_username(), peer_address(request)
    sign_ins.take_try(name=name, address=address)
    if not user.check_password(form.cleaned_data["password"]):
        sign_ins.refused(name=name, address=address)
        form.add_error("password", gettext("This is not your password."))
        return False
    sign_ins.succeeded(name=name, address=address)
    return True


def begin_anew_elsewhere(request: HttpRequest, user: User) -> None:
    """End what was begun without the new factor: whoever else is in must show it too."""
    browser_sessions.end_others(user=user, but=request.session.session_key, address=peer_address(request))
    request.session[VERIFIED] = True


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest, user: User) -> HttpResponseBase:
    """Ten new recovery codes."""

    def renewed() -> HttpResponse:
        return shown_once(request, second_factors.renew_recovery_codes(user=user, address=peer_address(request)))

    return _with_code(request, user, gettext("New recovery codes"), gettext("Make new codes"), renewed)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, user: User) -> HttpResponseBase:
    """Take one's second factor away."""

    def removed() -> HttpResponse:
        second_factors.remove(user=user, address=peer_address(request))
        request.session[VERIFIED] = second_factors.is_asked(user.pk)
        messages.success(request, gettext("Your second factor was removed."))
        return redirect("profile:me")

    if not second_factors.is_set_up(user.pk):
        return redirect("profile:second_factor")
    return _with_code(request, user, gettext("Remove your second factor"), gettext("Remove it"), removed)


def _with_code(
    request: HttpRequest, user: User, title: str, verb: str, act: Callable[[], HttpResponse]
) -> HttpResponseBase:
    """Do it, for who shows a code; or his password, who has passkeys alone."""
    if not second_factors.is_asked(user.pk):
        return redirect("profile:second_factor")
    has_phone = second_factors.is_set_up(user.pk)
    form = CodeForm(request.POST or None) if has_phone else PasswordForm(request.POST or None)
    if form.is_valid():
        try:
            if has_phone:
                take_code(request, user, form.cleaned_data["code"])
                return act()
            if password_is_right(request, user, form):
                return act()
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": title}, throttled)
        except WrongCode:
            form.add_error("code", WRONG)
    context: dict[str, Any] = {"title": title, "form": form, "verb": verb}
    return TemplateResponse(request, "profile/form.html", context)


def shown_once(request: HttpRequest, done: SetUp) -> HttpResponse:
    """The codes stand on this one page alone: neither in a message nor in a session."""
    context = {"title": gettext("Your recovery codes"), "codes": done.recovery_codes}
    return TemplateResponse(request, "profile/codes.html", context, headers={"Cache-Control": "no-store"})


def _quoted(text: str) -> str:
    return urlencode({"": text})[1:].replace("+", "%20")
