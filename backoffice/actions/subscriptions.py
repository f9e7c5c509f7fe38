"""Actions on subscriptions: each brings one into a state."""

from collections.abc import Callable
from typing import Any, Final

from django import forms

from backoffice.actions.action import OWN_WORDS, Action, Done, Preview, Sent, unless
from backoffice.actions.forms import ReasonForm
from backoffice.permissions import CHANGE_STATE
from orders import queries
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Subscription
from orders.services.subscriptions import lifecycle
from sessions_app.services.operations.history import Actor


class SwitchOffForm(ReasonForm):
    """A reason, and whether open copies are let go."""

    detach = forms.BooleanField(
        required=False,
        label="Detach open copies",
        help_text="They stay open at the broker; from now on they are the follower's own affair.",
    )


def _resume(row: Subscription) -> list[str]:
    return ["New trades of the master are copied again; those of the meantime are not."]


def _stop(row: Subscription) -> list[str]:
    return [
        "Nothing that adds exposure is copied any more.",
        f"Working pending copies are cancelled: {queries.working_copies(row.id).count()}.",
        "Opens that the EA has not acknowledged are not sent any more.",
    ]


def _pause(row: Subscription) -> list[str]:
    return [*_stop(row), f"Closes and stops of the open copies go on flowing: {queries.open_copies(row.id).count()}."]


def _switch_off(row: Subscription) -> list[str]:
    count = queries.open_copies(row.id).count()
    return [*_stop(row), f"Open copies: {count}. Detached, they stay at the broker and nothing closes them."]


def _action(state: SubscriptionState, verb: str, effects: Callable[[Any], list[str]], **more: Any) -> Action:
    def do(row: Subscription, sent: Sent, by: Actor) -> Done:
        lifecycle.change_state(
            subscription_id=row.id, state=state, by=by, note=sent["reason"], detach=sent.get("detach", False)
        )
        return Done(f"The subscription of {row.follower.claimed_as} is {state.value} now.")

    return Action(
        name=f"{verb.lower().replace(' ', '_')}_subscription",
        noun=Subscription,
        verb=verb,
        title=f"{verb} this subscription?",
        permission=CHANGE_STATE,
        obstacle=lambda row: unless(row.state != state, f"it is {state.value} already"),
        preview=lambda row: Preview(
            [("Follower", row.follower.claimed_as), ("Strategy", row.strategy.name), ("State", row.state)], effects(row)
        ),
        do=do,
        late={lifecycle.StateUnchanged: OWN_WORDS},
        mistakes=dict.fromkeys((lifecycle.OpenCopies, lifecycle.CopyCycle), "Not possible: {why}"),
        **more,
    )


ACTIONS: Final = (
    _action(SubscriptionState.ACTIVE, "Resume", _resume),
    _action(SubscriptionState.CLOSE_ONLY, "Pause", _pause, harms=True),
    _action(SubscriptionState.OFF, "Switch off", _switch_off, harms=True, form=SwitchOffForm),
)
