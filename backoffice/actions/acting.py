"""What the confirm pages of single acts share: who acts, and how the page is shown."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.forms import Form
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from sessions_app.services.operations.history import Actor


def actor(request: HttpRequest) -> Actor:
    """The signed-in person."""
    return Actor(name=request.user.get_username(), user_id=request.user.pk)


def confirm(request: HttpRequest, site: AdminSite, form: Form, back: str, context: dict[str, Any]) -> HttpResponseBase:
    """`context`: title, subject, act, facts (pairs) and effects (sentences)."""
    everything = {**site.each_context(request), "form": form, "back": back, **context}
    return TemplateResponse(request, "backoffice/action.html", everything)
