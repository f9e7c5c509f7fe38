"""The way in: `/` leads each to what he may see. Staff and members sign in here alike."""

from typing import Any

from django import forms
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.permissions import SEE_SESSIONS, may
from backoffice.sign_in import (
    NO_PASSKEY,
    SignInForm,
    enter,
    enter_by_code,
    enter_by_passkey,
    half_way_in,
    owes_second_factor,
    place_of,
    too_many,
    wait_for_code,
)
from backoffice.tenants.scope import memberships_of
from sessions_app.services.access import passkeys, second_factors
from sessions_app.services.access.passkeys import WrongPasskey
from sessions_app.services.access.second_factors import WrongCode
from sessions_app.services.access.sign_ins import SignInThrottled


class SignIn(LoginView):
    """Name and password; then to where one came from, or to `/`."""

    template_name = "tenants/sign_in.html"
    next_page = "home"
    extra_context = {"title": gettext_lazy("Sign in")}
    authentication_form = SignInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Also whether a passkey does here."""
        return super().get_context_data(passkeys=passkeys.work_at(place_of(self.request)), **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, where tries are bounded and written down."""
        try:
            return super().post(request, *args, **kwargs)
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": gettext("Sign in")}, throttled)

    def form_valid(self, form: Any) -> HttpResponse:
        """In; or to the page of the code, who has a second factor."""
        user, leads_to = form.get_user(), self.get_success_url()
        if form.needs_code:
            wait_for_code(self.request, user, leads_to)
            return redirect("sign_in_code")
        enter(self.request, user, verified=False)
        return redirect(leads_to)


class CodeForm(forms.Form):
    """A code of the phone, or one of the recovery codes."""

    code = forms.CharField(
        max_length=64,
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("Six digits of your phone, or a recovery code."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """The second step, of those who have a second factor: a code, or a passkey."""
    half = half_way_in(request)
    if half is None:
        return redirect("sign_in")
    user, leads_to = half
    shown = "answer" in request.POST
    form = CodeForm(request.POST if request.method == "POST" and not shown else None)
    said = ""
    try:
        if shown:
            enter_by_passkey(request, user, *_shown(request), alone=False)
            return redirect(leads_to)
        if form.is_valid():
            enter_by_code(request, user, form.cleaned_data["code"])
            return redirect(leads_to)
    except SignInThrottled as throttled:
        return too_many(request, "tenants/too_many.html", {"title": gettext("Your second factor")}, throttled)
    except WrongPasskey:
        said = str(NO_PASSKEY)
    except WrongCode:
        form.add_error(
            "code", gettext("This is no code of now, or it was used before. Codes change every half minute.")
        )
    mine = passkeys.work_at(place_of(request)) and passkeys.of(user.pk)
    if mine and not second_factors.is_set_up(user.pk):
        form.fields["code"].help_text = gettext("One of your recovery codes.")
    context = {
        "title": gettext("Your second factor") if mine else gettext("Your code"),
        "form": form,
        "asked": passkeys.ask_of(user.pk) if mine else None,
        "said": said,
    }
    return TemplateResponse(request, "tenants/sign_in_code.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def passkey(request: HttpRequest) -> HttpResponseBase:
    """A passkey alone: it has made sure of its person, by finger, face or PIN, and stands for both factors."""
    if not passkeys.work_at(place_of(request)):
        return redirect("sign_in")
    leads_to, said = request.POST.get("next") or request.GET.get("next", ""), ""
    if request.method == "POST":
        answer, state = _shown(request)
        user = passkeys.owner(answer)
        try:
            if user is None:
                raise WrongPasskey
            enter_by_passkey(request, user, answer, state, alone=True)
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": gettext("Sign in with a passkey")}, throttled)
        except WrongPasskey:
            said = str(NO_PASSKEY)
        else:
            return redirect(leads_to if _ours(request, leads_to) else "home")
    context = {
        "title": gettext("Sign in with a passkey"), "asked": passkeys.ask_of_anybody(), "said": said, "next": leads_to,
    }  # fmt: skip
    return TemplateResponse(request, "tenants/sign_in_passkey.html", context)


def _shown(request: HttpRequest) -> tuple[str, str]:
    """What the browser answered, and what it was asked."""
    return request.POST.get("answer", ""), request.POST.get("state", "")


def _ours(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())


class SignOut(LogoutView):
    """By POST alone."""

    next_page = "sign_in"


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """To the one place that a person has; who has several chooses, who has none is told."""
    if not request.user.is_authenticated:
        return redirect("sign_in")
    if owes_second_factor(request):
        return redirect("profile:second_factor")
    memberships = memberships_of(request.user.pk)
    if request.user.is_staff and not memberships:
        return redirect("admin:monitoring" if may(request, SEE_SESSIONS) else "admin:index")
    if len(memberships) == 1 and not request.user.is_staff:
        return redirect("tenants:health", memberships[0].tenant_id)
    return redirect("tenants:mine")


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponseBase:
    """All places of a person."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("sign_in"))
    if owes_second_factor(request):
        return redirect("profile:second_factor")
    context = {"title": gettext("Where to?"), "memberships": memberships_of(request.user.pk)}
    return TemplateResponse(request, "tenants/mine.html", context)
