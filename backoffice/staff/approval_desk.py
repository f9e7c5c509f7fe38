"""The approval desk: GET shows what a decision would do, POST does it by one service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from backoffice import queries
from backoffice.actions.forms import ApprovalForm, ReasonForm
from backoffice.permissions import DECIDE, REVOKE, SEE_KEYS, may, requires
from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AuthKey
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.access.keys import AlreadyDecided, TenantNeeded
from sessions_app.services.operations.history import Actor


@dataclass(frozen=True, slots=True)
class Verb:
    """One decision: what it is called, the state it needs, and how it is done. `done` tells what was done."""

    name: str
    title: str
    needs: KeyState
    form: Callable[..., ReasonForm]
    act: Callable[[AuthKey, ReasonForm, Actor], str]


def _approve(key: AuthKey, form: ReasonForm, by: Actor) -> str:
    tenant_id, overlap = (form.tenant_id, form.span) if isinstance(form, ApprovalForm) else (None, None)
    reason = form.cleaned_data["reason"]
    done = keys.approve(key_id=key.id, by=by, reason=reason, tenant_id=tenant_id, overlap=overlap)
    if done.promoted is None:
        return f"Approved the key of {key.account}. Its EA is promoted when it is heard of next."
    return f"Approved the key of {key.account}. Its session is authenticated now."


def _reject(key: AuthKey, form: ReasonForm, by: Actor) -> str:
    keys.reject(key_id=key.id, by=by, reason=form.cleaned_data["reason"])
    return f"Rejected the key of {key.account}. Its sessions have ended."


def _revoke(key: AuthKey, form: ReasonForm, by: Actor) -> str:
    keys.revoke(key_id=key.id, by=by, reason=form.cleaned_data["reason"])
    return f"Revoked the key of {key.account}. Its sessions have ended."


def _without_key(data: Any = None, *, key: AuthKey) -> ReasonForm:
    return ReasonForm(data)


APPROVE: Final = Verb("approve", "Approve this key?", KeyState.PENDING, ApprovalForm, _approve)
REJECT: Final = Verb("reject", "Reject this key?", KeyState.PENDING, _without_key, _reject)
REVOKE_IT: Final = Verb("revoke", "Revoke this key?", KeyState.APPROVED, _without_key, _revoke)


@require_safe
@requires(SEE_KEYS, DECIDE)
def desk(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Keys that wait, and the last decisions."""
    context = {
        **site.each_context(request),
        "title": "Approvals",
        "waiting": queries.waiting(database_now()),
        "waiting_total": queries.waiting_count(),
        "decided": queries.decided_lately(),
        "may_decide": may(request, DECIDE),
        "may_see_keys": may(request, SEE_KEYS),
    }
    return TemplateResponse(request, "backoffice/approvals.html", context)


@requires(DECIDE)
def approve(request: HttpRequest, site: AdminSite, key_id: UUID) -> HttpResponseBase:
    return _confirm(request, site, key_id, APPROVE)


@requires(DECIDE)
def reject(request: HttpRequest, site: AdminSite, key_id: UUID) -> HttpResponseBase:
    return _confirm(request, site, key_id, REJECT)


@requires(REVOKE)
def revoke(request: HttpRequest, site: AdminSite, key_id: UUID) -> HttpResponseBase:
    return _confirm(request, site, key_id, REVOKE_IT)


@require_http_methods(["GET", "HEAD", "POST"])
def _confirm(request: HttpRequest, site: AdminSite, key_id: UUID, verb: Verb) -> HttpResponseBase:
    key = queries.key_with_account(key_id)
    if key is None:
        raise Http404
    if key.state != verb.needs:
        messages.error(request, _too_late(AlreadyDecided.of(key_id)))
        return _leave(request)
    form = verb.form(request.POST if request.method == "POST" else None, key=key)
    if form.is_valid() and _decide(request, key, form, verb):
        return _leave(request)
    context = {
        **site.each_context(request),
        "title": verb.title,
        "verb": verb,
        "key": key,
        "form": form,
        "preview": queries.preview(key, database_now()),
    }
    return TemplateResponse(request, "backoffice/confirm.html", context)


def _decide(request: HttpRequest, key: AuthKey, form: ReasonForm, verb: Verb) -> bool:
    """Do it and say so; False when the form must be shown again."""
    by = Actor(name=request.user.get_username(), user_id=request.user.pk)
    try:
        messages.success(request, verb.act(key, form, by))
    except AlreadyDecided as first:
        messages.error(request, _too_late(first))
    except TenantNeeded:
        form.add_error(None, "This account belongs to nobody any more: choose its tenant.")
        return False
    return True


def _too_late(first: AlreadyDecided) -> str:
    if not first.by:
        return "This key still waits for its first decision."
    return f"Nothing changed: {first}."


def _leave(request: HttpRequest) -> HttpResponseBase:
    return redirect("admin:approvals" if may(request, SEE_KEYS, DECIDE) else "admin:index")
