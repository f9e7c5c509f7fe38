"""What people do to subscriptions and copies: GET shows what would happen, POST does it by one service."""

from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.forms import Form
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from backoffice import queries
from backoffice.actions.acting import actor, confirm
from backoffice.actions.forms import NoteForm, SwitchOffForm
from backoffice.permissions import CHANGE_STATE, LIFT_TOMBSTONE, requires
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Copy, Subscription
from orders.services.subscriptions import lifecycle
from orders.services.subscriptions.lifecycle import CopyCycle, NoTombstone, OpenCopies, StateUnchanged

_ACTS = {SubscriptionState.ACTIVE: "Resume", SubscriptionState.CLOSE_ONLY: "Pause", SubscriptionState.OFF: "Switch off"}


@requires(CHANGE_STATE)
@require_http_methods(["GET", "HEAD", "POST"])
def change_state(request: HttpRequest, site: AdminSite, subscription_id: UUID, state: str) -> HttpResponseBase:
    row = queries.subscription_with_names(subscription_id)
    if row is None or state not in list(SubscriptionState):
        raise Http404
    wanted = SubscriptionState(state)
    back = reverse("admin:orders_subscription_change", args=[row.id])
    kind = SwitchOffForm if wanted is SubscriptionState.OFF else NoteForm
    form = kind(request.POST if request.method == "POST" else None)
    if form.is_valid() and _change(request, row, wanted, form):
        return redirect(back)
    context = {
        "title": f"{_ACTS[wanted]} this subscription?",
        "subject": "Subscription",
        "act": _ACTS[wanted],
        "facts": [("Follower", row.follower.claimed_as), ("Strategy", row.strategy.name), ("State", row.state)],
        "effects": _effects(row, wanted),
    }
    return confirm(request, site, form, back, context)


def _change(request: HttpRequest, row: Subscription, wanted: SubscriptionState, form: Form) -> bool:
    """Do it and say so; False when the form must be shown again."""
    try:
        lifecycle.change_state(
            subscription_id=row.id,
            state=wanted,
            by=actor(request),
            note=form.cleaned_data["note"],
            detach=form.cleaned_data.get("detach", False),
        )
    except StateUnchanged as why:
        messages.error(request, f"Nothing changed: {why}.")
    except (OpenCopies, CopyCycle) as why:
        form.add_error(None, f"Not possible: {why}.")
        return False
    else:
        messages.success(request, f"The subscription of {row.follower.claimed_as} is {wanted.value} now.")
    return True


def _effects(row: Subscription, wanted: SubscriptionState) -> list[str]:
    working, open_ones = queries.copies_of(row.id)
    if wanted is SubscriptionState.ACTIVE:
        return ["New trades of the master are copied again; those of the meantime are not."]
    effects = [
        "Nothing that adds exposure is copied any more.",
        f"Working pending copies are cancelled: {working}.",
        "Opens that the EA has not acknowledged are not sent any more.",
    ]
    if wanted is SubscriptionState.CLOSE_ONLY:
        return [*effects, f"Closes and stops of the open copies go on flowing: {open_ones}."]
    return [*effects, f"Open copies: {open_ones}. Detached, they stay at the broker and nothing closes them."]


@requires(LIFT_TOMBSTONE)
@require_http_methods(["GET", "HEAD", "POST"])
def lift_tombstone(request: HttpRequest, site: AdminSite, copy_id: UUID) -> HttpResponseBase:
    copy = queries.copy_with_names(copy_id)
    if copy is None:
        raise Http404
    back = reverse("admin:orders_copy_change", args=[copy.id])
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _lift(request, copy, form)
        return redirect(back)
    context = {
        "title": "Lift the tombstone of this copy?",
        "subject": "Copy",
        "act": "Lift",
        "facts": [
            ("Follower", copy.account.claimed_as),
            ("Position", copy.position_id),
            ("Symbol", copy.symbol),
            ("Closed", copy.close_cause),
        ],
        "effects": ["The position may be copied anew.", "Nothing is opened by this."],
    }
    return confirm(request, site, form, back, context)


def _lift(request: HttpRequest, copy: Copy, form: Form) -> None:
    try:
        lifecycle.lift_tombstone(copy_id=copy.id, by=actor(request), note=form.cleaned_data["note"])
    except NoTombstone:
        messages.error(request, "Nothing changed: this copy has no tombstone.")
    else:
        messages.success(request, f"The tombstone of position {copy.position_id} is lifted.")
