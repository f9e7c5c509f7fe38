"""What people do about differences between books: GET shows what would happen, POST does it by one service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.forms import Form
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from backoffice.actions.acting import actor, confirm
from backoffice.actions.forms import HeldForm, VerdictForm
from backoffice.permissions import DECIDE_DIFFERENCE, requires
from orders import queries as order_queries
from orders.domain.states.differences import DifferenceState
from orders.services.reconciliation import decisions
from orders.services.reconciliation.decisions import AlreadyDecided
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import BrokerAccount
from sessions_app.services.lifecycle import snapshot_requests

SHOWN: Final = 200
_CHANGED: Final = "Nothing changed: it is not what you saw any more. Look again."


@requires(DECIDE_DIFFERENCE)
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, site: AdminSite, difference_id: UUID) -> HttpResponseBase:
    """An open difference may stay as it is."""
    row = order_queries.open_difference(difference_id)
    back = reverse("admin:orders_difference_change", args=[difference_id])
    form = VerdictForm(request.POST if request.method == "POST" else None)
    if row is None:
        messages.error(request, _CHANGED)
        return redirect(back)
    if form.is_valid():
        try:
            decisions.accept(difference_id=row.id, by=actor(request), reason=form.cleaned_data["reason"])
            messages.success(request, f"Accepted: {row}.")
        except AlreadyDecided:
            messages.error(request, _CHANGED)
        return redirect(back)
    context = {
        "title": "Accept this difference?",
        "subject": "Difference",
        "act": "Accept",
        "facts": [
            ("Account", row.account.claimed_as),
            ("Difference", f"{row.kind} {row.symbol} {row.subject}"),
            ("Expected", row.expected),
            ("There", row.actual),
        ],
        "effects": [
            "It is not repaired, and not counted as open, as long as it stays the same.",
            "Nothing changes at the broker, nor in the copies.",
        ],
    }
    return confirm(request, site, form, back, context)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What may be said of all missing copies of an account: `verb` brings their differences into `after`."""

    act: str
    after: DifferenceState
    verb: Callable[..., int]
    effects: tuple[str, ...]


_LET_GO: Final = _Verdict(
    "Let go",
    DifferenceState.ADOPTED,
    decisions.let_go,
    (
        "These copies are closed in our books, and their positions are not opened again.",
        "Nothing is sent to the broker.",
    ),
)
_KEEP: Final = _Verdict(
    "Keep",
    DifferenceState.REFUSED,
    decisions.keep,
    (
        "These copies stay open in our books, as long as snapshots go on missing them.",
        "Closes of the master go on flowing to them.",
    ),
)


@requires(DECIDE_DIFFERENCE)
@require_http_methods(["GET", "HEAD", "POST"])
def let_go(request: HttpRequest, site: AdminSite, account_id: UUID) -> HttpResponseBase:
    """Missing copies are gone indeed."""
    return _decide(request, site, account_id, _LET_GO)


@requires(DECIDE_DIFFERENCE)
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: HttpRequest, site: AdminSite, account_id: UUID) -> HttpResponseBase:
    """Missing copies are there all the same."""
    return _decide(request, site, account_id, _KEEP)


def _decide(request: HttpRequest, site: AdminSite, account_id: UUID, verdict: _Verdict) -> HttpResponseBase:
    account = _account(account_id)
    rows = list(order_queries.missing_copies(account_id, verdict.after))
    back = f"{reverse('admin:orders_difference_changelist')}?kind=missing&q={account.account_id}"
    form = HeldForm(request.POST if request.method == "POST" else None, initial={"seen": len(rows)})
    if form.is_valid():
        try:
            done = verdict.verb(account_pk=account_id, by=actor(request), **form.cleaned_data)
            messages.success(request, f"{verdict.act}: {done} copies of {account.claimed_as}.")
        except AlreadyDecided:
            messages.error(request, _CHANGED)
        return redirect(back)
    shown = [f"{row.symbol} {row.expected}, copy {row.copy_no}, ticket {row.ticket}: {row.state}" for row in rows]
    context = {
        "title": f"{verdict.act} the copies that are missing?",
        "subject": "Differences",
        "act": verdict.act,
        "facts": [("Account", account.claimed_as), ("Copies", len(rows))],
        "effects": [*verdict.effects, *shown[:SHOWN]],
    }
    return confirm(request, site, form, back, context)


@requires(DECIDE_DIFFERENCE)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, site: AdminSite, account_id: UUID) -> HttpResponseBase:
    """Have an account's terminal asked what it holds."""
    account = _account(account_id)
    back = reverse("admin:sessions_app_brokeraccount_change", args=[account_id])
    if request.method == "POST":
        if snapshot_requests.ask_for_snapshot(account_pk=account_id, reason=SnapshotReason.ON_REQUEST):
            messages.success(request, f"The terminal of {account.claimed_as} is asked now.")
        else:
            messages.warning(request, f"No terminal of {account.claimed_as} is connected: the next one is asked.")
        return redirect(back)
    context = {
        "title": "Ask for a snapshot?",
        "subject": "Account",
        "act": "Ask",
        "facts": [("Account", account.claimed_as), ("Next on schedule", account.snapshot_due_at or "at session start")],
        "effects": [
            "The terminal tells every position and working order that it holds.",
            "They are compared with the copies: what the book proves is taken over, what disagrees is listed.",
        ],
    }
    return confirm(request, site, Form(), back, context)


def _account(account_id: UUID) -> BrokerAccount:
    account = BrokerAccount.objects.filter(id=account_id).first()
    if account is None:
        raise Http404
    return account
