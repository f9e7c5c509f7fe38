"""What a person chooses for himself, of how pages and mails speak to him: the time zone."""

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from backoffice.own_clock import own_zone
from backoffice.profile.door import own_page
from sessions_app.domain import zones
from sessions_app.services.access import preferences


class TimeZoneForm(forms.Form):
    """One of the list."""

    zone = forms.ChoiceField(
        label="Your time zone",
        choices=lambda: [(name, name) for name in zones.offered()],
        error_messages={"invalid_choice": "There is no such time zone in the list."},
        help_text="For pages and mails, also for your quiet hours. Days stay those of UTC, as do exports and programs.",
    )


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def time_zone(request: HttpRequest, user: User) -> HttpResponseBase:
    """Choose the time zone of all pages and mails."""
    form = TimeZoneForm(request.POST or None, initial={"zone": own_zone().key})
    if form.is_valid():
        zone = form.cleaned_data["zone"]
        preferences.choose(user_id=user.pk, zone=zone)
        messages.success(request, f"Times are shown by the clock of {zone} from now on.")
        return redirect("profile:me")
    context = {"title": "Your time zone", "form": form, "verb": "Save"}
    return TemplateResponse(request, "profile/form.html", context)
