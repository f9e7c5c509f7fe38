"""Actions on subscriptions: each brings one into a state."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.utils.translation import gettext, gettext_lazy

from backoffice.actions.action import OWN_WORDS, Action, Done, Preview, Sent, unless
from backoffice.actions.forms import ReasonForm
from backoffice.permissions import CHANGE_STATE
from orders import queries
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Subscription
from orders.services.subscriptions import lifecycle
from sessions_app.services.operations.history import Actor

# What members do too is said in their language; the rest is the staff's.
_RESUME: Final = gettext_lazy("Resume"), gettext_lazy("Resume this subscription?")
_PAUSE: Final = gettext_lazy("Pause"), gettext_lazy("Pause this subscription?")
_SWITCH_OFF: Final = "Switch off", "Switch off this subscription?"

_STATES: Final = {
    SubscriptionState.ACTIVE: gettext_lazy("active"),
    SubscriptionState.CLOSE_ONLY: gettext_lazy("paused"),
    SubscriptionState.OFF: gettext_lazy("switched off"),
}


class SwitchOffForm(ReasonForm):
    """A reason, and whether open copies are let go."""

    detach = forms.BooleanField(
        required=False,
        label="Detach open copies",
        help_text="They stay open at the broker; from now on they are the follower's own affair.",
    )


def _resume(row: Subscription) -> list[str]:
    return [gettext("New trades of the master are copied again; those of the meantime are not.")]


def _stop(row: Subscription) -> list[str]:
    return [
        gettext("Nothing that adds exposure is copied any more."),
        gettext("Working pending copies are cancelled: %(count)s.") % {"count": queries.working_copies(row.id).count()},
        gettext("Opens that the EA has not acknowledged are not sent any more."),
    ]


def _pause(row: Subscription) -> list[str]:
    words = gettext("Closes and stops of the open copies go on flowing: %(count)s.")
    return [*_stop(row), words % {"count": queries.open_copies(row.id).count()}]


def _switch_off(row: Subscription) -> list[str]:
    count = queries.open_copies(row.id).count()
    return [*_stop(row), f"Open copies: {count}. Detached, they stay at the broker and nothing closes them."]


def _action(
    state: SubscriptionState, name: str, words: tuple[Any, Any], effects: Callable[[Any], list[str]], **more: Any
) -> Action:
    def do(row: Subscription, sent: Sent, by: Actor) -> Done:
        lifecycle.change_state(
            subscription_id=row.id, state=state, by=by, note=sent["reason"], detach=sent.get("detach", False)
        )
        told = gettext("The subscription of %(follower)s is %(state)s now.")
        return Done(told % {"follower": row.follower.claimed_as, "state": _STATES[state]})

    return Action(
        name=f"{name}_subscription",
        noun=Subscription,
        verb=words[0],
        title=words[1],
        permission=CHANGE_STATE,
        obstacle=lambda row: unless(row.state != state, gettext("it is %(state)s already") % {"state": _STATES[state]}),
        preview=lambda row: Preview(
            [
                (gettext("Follower"), row.follower.claimed_as),
                (gettext("Strategy"), row.strategy.name),
                (gettext("State"), _STATES[SubscriptionState(row.state)]),
            ],
            effects(row),
        ),
        do=do,
        late={lifecycle.StateUnchanged: OWN_WORDS},
        mistakes=dict.fromkeys((lifecycle.OpenCopies, lifecycle.CopyCycle), "Not possible: {why}"),
        **more,
    )


ACTIONS: Final = (
    _action(SubscriptionState.ACTIVE, "resume", _RESUME, _resume),
    _action(SubscriptionState.CLOSE_ONLY, "pause", _PAUSE, _pause, harms=True),
    _action(SubscriptionState.OFF, "switch_off", _SWITCH_OFF, _switch_off, harms=True, form=SwitchOffForm),
)
