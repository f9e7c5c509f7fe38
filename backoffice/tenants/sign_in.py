"""The way in: `/` leads each to what he may see. Staff and members sign in here alike."""

from typing import Any

from django import forms
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.sign_in import (
    SignInForm,
    enter,
    enter_by_code,
    half_way_in,
    owes_second_factor,
    too_many,
    wait_for_code,
)
from backoffice.tenants.scope import memberships_of
from sessions_app.services.access.second_factors import WrongCode
from sessions_app.services.access.sign_ins import SignInThrottled


class SignIn(LoginView):
    """Name and password; then to where one came from, or to `/`."""

    template_name = "tenants/sign_in.html"
    next_page = "home"
    extra_context = {"title": "Sign in"}
    authentication_form = SignInForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, where tries are bounded and written down."""
        try:
            return super().post(request, *args, **kwargs)
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": "Sign in"}, throttled)

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
        label="Code",
        help_text="Six digits of your phone, or a recovery code.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """The second step, of those who have a second factor."""
    half = half_way_in(request)
    if half is None:
        return redirect("sign_in")
    user, leads_to = half
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            enter_by_code(request, user, form.cleaned_data["code"])
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": "Your code"}, throttled)
        except WrongCode:
            form.add_error("code", "This is no code of now, or it was used before. Codes change every half minute.")
        else:
            return redirect(leads_to)
    return TemplateResponse(request, "tenants/sign_in_code.html", {"title": "Your code", "form": form})


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
        return redirect("admin:index")
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
    context = {"title": "Where to?", "memberships": memberships_of(request.user.pk)}
    return TemplateResponse(request, "tenants/mine.html", context)
