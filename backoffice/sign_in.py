"""Log-in forms, of staff and of tenants' members alike: Django's, with bounds on tries and a record of each."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import sign_ins


class SignInForm(AuthenticationForm):
    """Counts a try before its password is looked at.

    Own code instead of django-axes: its lock is looked at, and its failure written, in two steps, so that requests at
    once pass it; and it locks a name everywhere, its owner with it.
    """

    def clean(self) -> dict[str, Any]:
        """The signed-in person's data.

        :raises SignInThrottled: too many tries
        """
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password or self.request is None:
            return super().clean()
        address = peer_address(self.request)
        sign_ins.take_try(name=name, address=address)
        try:
            cleaned = super().clean()
        except ValidationError:
            sign_ins.refused(name=name, address=address)
            raise
        sign_ins.succeeded(name=name, address=address)
        return cleaned


def too_many(
    request: HttpRequest, template: str, context: dict[str, Any], throttled: sign_ins.SignInThrottled
) -> HttpResponse:
    """The page that says so; it costs no hash and no form."""
    minutes = throttled.retry_after // 60
    answer = render(request, template, {**context, "minutes": minutes}, status=429)
    answer["Retry-After"] = str(throttled.retry_after)
    answer["Cache-Control"] = "no-store"
    return answer
