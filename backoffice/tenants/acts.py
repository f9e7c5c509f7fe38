"""What members do to their own rows: the staff's actions, with a role of the policy instead of a permission."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from backoffice.actions.action import Action, Sentences
from backoffice.actions.registry import ACTIONS
from backoffice.tenants.pages import Visit, found, member_act
from orders.models import Subscription
from sessions_app.domain.problems import Refused

PAUSE: Final = ACTIONS["pause_subscription"]
RESUME: Final = ACTIONS["resume_subscription"]


@member_act
def pause(visit: Visit, subscription_id: UUID) -> HttpResponseBase:
    return _perform(visit, PAUSE, subscription_id)


@member_act
def resume(visit: Visit, subscription_id: UUID) -> HttpResponseBase:
    return _perform(visit, RESUME, subscription_id)


def _perform(visit: Visit, action: Action, subscription_id: UUID) -> HttpResponseBase:
    rows = visit.scope.subscriptions().select_related("follower", "strategy")
    row: Subscription = found(rows, subscription_id)
    return perform(visit, action, row, visit.address("tenants:subscription", row.pk))


def perform(visit: Visit, action: Action, row: Any, back: str, *, obstacle: str = "") -> HttpResponseBase:
    """GET says what would happen, POST does it. Who comes second is told so, and nothing changes."""
    form = action.form(visit.request.POST if visit.request.method == "POST" else None, row=row)
    obstacle = obstacle or action.obstacle(row)
    if not obstacle and form.is_valid():
        obstacle = _do(visit, action, row, form)
        if not obstacle and not form.errors:
            return redirect(back)
    context = {"action": action, "preview": action.preview(row), "form": form, "obstacle": obstacle, "back": back}
    return visit.show("act", action.title, **context)


def _do(visit: Visit, action: Action, row: Any, form: Form) -> str:
    """Why somebody else was first, or nothing; a mistake is the form's."""
    mistakes: Sentences = {Refused: "{why}", **action.mistakes}
    try:
        done = action.do(row, form.cleaned_data, visit.actor)
        messages.add_message(visit.request, done.level, done.message)
    except tuple(action.late) as why:
        return next(words for kind, words in action.late.items() if isinstance(why, kind)).format(why=why)
    except tuple(mistakes) as why:
        form.add_error(None, next(words for kind, words in mistakes.items() if isinstance(why, kind)).format(why=why))
    return ""
