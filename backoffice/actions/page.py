"""The pages of the acts of `backoffice.actions.registry`."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.actions.registry import ACTS, Act, Done
from backoffice.permissions import may
from sessions_app.domain.problems import Refused
from sessions_app.services.access import enrolment_policies, grants, keys, oauth_clients, suspensions
from sessions_app.services.operations.history import Actor

_SENTENCES: dict[type[Exception], str] = {
    enrolment_policies.AlreadyThere: "The tenant has this already.",
    enrolment_policies.AlreadyEnded: "Somebody ended it before.",
    oauth_clients.ClientTaken: "There is, or was, a client of this name.",
    oauth_clients.ClientRevoked: "The client was revoked, or has no secret here.",
    oauth_clients.ForeignAccount: "The client's tenant has no such account.",
    keys.ForeignAccount: "The account belongs to another tenant.",
    suspensions.AlreadyThere: "Somebody did it before.",
    grants.NotGranted: "Somebody withdrew it before.",
}
_REFUSALS: tuple[type[Exception], ...] = (*_SENTENCES, Refused, keys.AlreadyDecided)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def perform(request: HttpRequest, site: AdminSite, act_name: str, row_id: UUID | None = None) -> HttpResponseBase:
    """One act's page.

    :raises PermissionDenied: the person lacks the act's permission
    :raises Http404: there is no such row
    """
    act = ACTS[act_name]
    if not may(request, act.permission):
        raise PermissionDenied
    row = act.model._default_manager.filter(id=row_id).first() if row_id is not None else None
    if row_id is not None and row is None:
        raise Http404
    back = _back(act, row)
    if act.open is not None and not act.open(row):
        messages.error(request, "Nothing changed: this is decided already.")
        return redirect(back)
    form = act.form(request.POST if request.method == "POST" else None)
    done = _run(request, act, row, form) if form.is_valid() else None
    if done is not None:
        return _tell(request, site, done, back)
    context = {
        "title": act.title,
        "subject": str(act.model._meta.verbose_name_plural).capitalize(),
        "act": act.button,
        "facts": act.facts(row) if row is not None else [],
        "effects": act.effects,
        "form": form,
        "back": back,
        "harms": act.harms,
    }
    return TemplateResponse(request, "backoffice/action.html", {**site.each_context(request), **context})


def _run(request: HttpRequest, act: Act, row: Any, form: Any) -> Done | None:
    """Do it; None when the form must be shown again."""
    by = Actor(name=request.user.get_username(), user_id=request.user.pk)
    try:
        return act.run(row, form.cleaned_data, by)
    except _REFUSALS as why:
        form.add_error(None, _SENTENCES.get(type(why), str(why)))
        return None


def _tell(request: HttpRequest, site: AdminSite, done: Done, back: str) -> HttpResponseBase:
    """Say what was done. A secret stands on this one page alone: neither in a message nor in a session."""
    if not done.secret:
        messages.success(request, done.message)
        return redirect(back)
    context = {**site.each_context(request), "title": "Shown this once", "done": done, "back": back}
    return TemplateResponse(request, "backoffice/secret.html", context, headers={"Cache-Control": "no-store"})


def _back(act: Act, row: Any) -> str:
    place = f"admin:{act.model._meta.app_label}_{act.model._meta.model_name}"
    return reverse(f"{place}_change", args=[row.pk]) if row is not None else reverse(f"{place}_changelist")
