"""The way in: `/` leads each to what he may see, and members sign in here. The staff's log-in is the admin's own."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from backoffice.sign_in import SignInForm, too_many
from backoffice.tenants.scope import memberships_of
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


class SignOut(LogoutView):
    """By POST alone."""

    next_page = "sign_in"


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """To the one place that a person has; who has several chooses, who has none is told."""
    if not request.user.is_authenticated:
        return redirect("sign_in")
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
    context = {"title": "Where to?", "memberships": memberships_of(request.user.pk)}
    return TemplateResponse(request, "tenants/mine.html", context)
