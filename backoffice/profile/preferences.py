"""What a person chooses for himself, of how pages and mails speak to him: language and time zone."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from backoffice.own_clock import own_zone
from backoffice.profile.door import own_page
from sessions_app.domain import zones
from sessions_app.services.access import preferences


class PreferenceForm(forms.Form):
    """One language of ours, by its own name, and one time zone of the list."""

    language = forms.ChoiceField(
        label=gettext_lazy("Your language"),
        choices=settings.LANGUAGES,
        error_messages={"invalid_choice": gettext_lazy("There is no such language in the list.")},
        help_text=gettext_lazy(
            "For pages and mails. Names of roles and codes, and what programs are told, stay English."
        ),
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Your time zone"),
        choices=lambda: [(name, name) for name in zones.offered()],
        error_messages={"invalid_choice": gettext_lazy("There is no such time zone in the list.")},
        help_text=gettext_lazy(
            "For pages and mails, also for your quiet hours. Days stay those of UTC, as do exports and programs."
        ),
    )


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, user: User) -> HttpResponseBase:
    """Choose language and time zone of all pages and mails."""
    initial = {"zone": own_zone().key, "language": translation.get_language()}
    form = PreferenceForm(request.POST or None, initial=initial)
    if form.is_valid():
        language = form.cleaned_data["language"]
        preferences.choose(user_id=user.pk, zone=form.cleaned_data["zone"], language=language)
        with translation.override(language):
            messages.success(request, gettext("Your choice was saved."))
        return redirect("profile:me")
    context = {"title": gettext("Time zone and language"), "form": form, "verb": gettext("Save")}
    return TemplateResponse(request, "profile/form.html", context)
