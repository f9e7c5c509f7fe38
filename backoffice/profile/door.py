"""The door of a person's own pages: who is signed in, and has shown a second factor if he owes one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from backoffice.refusals import signed_out, was_typed
from backoffice.sign_in import owes_second_factor

View = Callable[..., HttpResponseBase]


def own_page(view: View) -> View:
    """A page of whoever is signed in; `view` gets the request and the person."""
    return never_cache(_opened(view, also_owing=False))


def owing_page(view: View) -> View:
    """The same, also for who owes a second factor: where he sets it up."""
    return never_cache(_opened(view, also_owing=True))


def _opened(view: View, *, also_owing: bool) -> View:
    @wraps(view)
    def opened(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        if was_typed(request):
            return signed_out(request)
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path(), reverse("sign_in"))
        if not also_owing and owes_second_factor(request):
            return redirect("profile:second_factor")
        return view(request, request.user, **parts)

    return opened
