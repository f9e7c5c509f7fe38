"""The one page of all actions: GET says what would happen, POST does it."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.actions.action import OWN_WORDS, Action, Done, Preview, Sentences
from backoffice.permissions import may
from backoffice.sign_in import actor_of
from sessions_app.domain.problems import Refused

MOST_ROWS: Final = 100
"""That one action is done to."""


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def perform(request: HttpRequest, site: AdminSite, action: Action, row_id: UUID | None = None) -> HttpResponseBase:
    """One action on one row.

    :raises PermissionDenied: the person lacks the action's permission
    :raises Http404: there is no such row
    """
    if not may(request, action.permission):
        raise PermissionDenied
    row: Any = None
    if action.many:
        row, obstacle = _several(request, action)
    else:
        row = None if action.makes else get_object_or_404(action.noun, pk=row_id)
        obstacle = action.obstacle(row)
    if obstacle:
        return _too_late(request, action, row, obstacle)
    form = action.form(request.POST if request.method == "POST" else None, row=row)
    look = None
    if form.is_valid():
        if action.second_look is None or "sure" in request.POST:
            answer = _run(request, site, action, row, form)
            if answer is not None:
                return answer
        else:
            look = _look(action, form)
    return _ask(request, site, action, row, form, look)


def _several(request: HttpRequest, action: Action) -> tuple[list[Any], str]:
    """The rows that the address names, of those that allow the action; and what is in the way if none does.

    :raises Http404: what is named is no row's id
    """
    try:
        named = {UUID(text) for text in request.GET.getlist("row")[:MOST_ROWS]}
    except ValueError:
        raise Http404 from None
    rows = [row for row in action.noun._default_manager.filter(pk__in=named) if not action.obstacle(row)]
    if not named:
        return [], "choose at least one first"
    return rows, "" if rows else "all of them are decided already, or gone"


def _run(request: HttpRequest, site: AdminSite, action: Action, row: Any, form: Form) -> HttpResponseBase | None:
    """Do it and say so; None when the form must be shown again."""
    by = actor_of(request)
    mistakes: Sentences = {Refused: OWN_WORDS, **action.mistakes}
    try:
        done = action.do(row, form.cleaned_data, by)
    except tuple(action.late) as why:
        return _too_late(request, action, row, _said(why, action.late))
    except tuple(mistakes) as why:
        form.add_error(None, f"{_said(why, mistakes).rstrip('.')}.")
        return None
    return _tell(request, site, done, _way_back(request, action, row))


def _look(action: Action, form: Form) -> Preview | None:
    """What would happen; None for what cannot, which the form says."""
    assert action.second_look is not None
    try:
        return action.second_look(form.cleaned_data)
    except tuple(action.mistakes) as why:
        form.add_error(None, f"{_said(why, action.mistakes).rstrip('.')}.")
        return None


def _said(why: Exception, sentences: Sentences) -> str:
    return next(words for kind, words in sentences.items() if isinstance(why, kind)).format(why=why)


def _ask(
    request: HttpRequest, site: AdminSite, action: Action, row: Any, form: Form, look: Preview | None
) -> HttpResponseBase:
    # Without a second look the preview of such an action says nothing yet: its first page is the form alone.
    first_of_two = action.second_look is not None and look is None
    place = action.leads_to(row)
    context = {
        "title": action.verb if first_of_two else action.title,
        "action": action,
        "place": place if may(request, *place.permissions) else None,
        "back": _way_back(request, action, row),
        "preview": look or action.preview(row),
        "form": form,
        "button": "Continue" if first_of_two else action.verb,
        "harms": action.harms and not first_of_two,
        "sure": look is not None,
    }
    return TemplateResponse(request, "backoffice/action.html", {**site.each_context(request), **context})


def _tell(request: HttpRequest, site: AdminSite, done: Done, back: str) -> HttpResponseBase:
    """Say what was done. A secret stands on this one page alone: neither in a message nor in a session."""
    if not done.secret:
        messages.add_message(request, done.level, done.message)
        return redirect(back)
    context = {**site.each_context(request), "title": "Shown this once", "done": done, "back": back}
    return TemplateResponse(request, "backoffice/secret.html", context, headers={"Cache-Control": "no-store"})


def _too_late(request: HttpRequest, action: Action, row: Any, why: str) -> HttpResponseBase:
    messages.error(request, f"Nothing changed: {why}.")
    return redirect(_way_back(request, action, row))


def _way_back(request: HttpRequest, action: Action, row: Any) -> str:
    """Who may act need not be allowed to read where it leads."""
    place = action.leads_to(row)
    return place.address if may(request, *place.permissions) else reverse("admin:index")
