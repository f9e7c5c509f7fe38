"""Actions on differences between our books and those of terminals.

An open one is accepted by itself. Copies that a snapshot misses are decided about for the whole account: one cause, a
liquidation for one, takes many at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.urls import reverse

from backoffice.actions.action import Action, Done, Place, Preview, Sent, Sentences, unless
from backoffice.actions.forms import ReasonForm
from backoffice.permissions import DECIDE_DIFFERENCE
from orders import queries
from orders.domain.states.differences import DifferenceState
from orders.models import Difference
from orders.services.reconciliation import decisions
from sessions_app.models import BrokerAccount
from sessions_app.services.operations.history import Actor

_SHOWN: Final = 200
_CHANGED: Final = "it is not what you saw any more. Look again"
_LATE: Final[Sentences] = {decisions.AlreadyDecided: _CHANGED}


class HeldForm(ReasonForm):
    """A reason, and how many differences the person has seen: the decision is about those and no others."""

    seen = forms.IntegerField(min_value=0, label="Copies", widget=forms.NumberInput(attrs={"readonly": True}))

    def __init__(self, data: Any = None, *, row: BrokerAccount, after: DifferenceState) -> None:
        super().__init__(data, row=row)
        self.initial["seen"] = queries.missing_copies(row.id, after).count()


def _accept(row: Difference, sent: Sent, by: Actor) -> Done:
    decisions.accept(difference_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Accepted: {row}.")


def _missing(account: BrokerAccount, after: DifferenceState, effects: list[str]) -> Preview:
    rows = list(queries.missing_copies(account.id, after))
    shown = [f"{row.symbol} {row.expected}, copy {row.copy_no}, ticket {row.ticket}: {row.state}" for row in rows]
    return Preview([("Account", account.claimed_as), ("Copies", len(rows))], [*effects, *shown[:_SHOWN]])


def _list_of(account: BrokerAccount) -> Place:
    listed = f"{reverse('admin:orders_difference_changelist')}?kind=missing&q={account.account_id}"
    return Place("Differences", listed, ("orders.view_difference",))


def _about_missing(
    name: str, word: str, verb: str, after: DifferenceState, decide: Callable[..., int], effects: list[str], **more: Any
) -> Action:
    def do(row: BrokerAccount, sent: Sent, by: Actor) -> Done:
        return Done(f"{word}: {decide(account_pk=row.id, by=by, **sent)} copies of {row.claimed_as}.")

    return Action(
        name=name,
        noun=BrokerAccount,
        verb=verb,
        title=f"{verb}?",
        permission=DECIDE_DIFFERENCE,
        form=partial(HeldForm, after=after),
        obstacle=lambda row: unless(queries.missing_copies(row.id, after).exists(), _CHANGED),
        preview=lambda row: _missing(row, after, effects),
        do=do,
        late=_LATE,
        place=_list_of,
        **more,
    )


ON_MISSING: Final = (
    _about_missing(
        "let_go_held",
        "Let go",
        "Let all missing copies go",
        DifferenceState.ADOPTED,
        decisions.let_go,
        [
            "These copies are closed in our books, and their positions are not opened again.",
            "Nothing is sent to the broker.",
        ],
        harms=True,
    ),
    _about_missing(
        "keep_held",
        "Keep",
        "Keep all missing copies",
        DifferenceState.REFUSED,
        decisions.keep,
        [
            "These copies stay open in our books, as long as snapshots go on missing them.",
            "Closes of the master go on flowing to them.",
        ],
    ),
)

MISSING_BECOME: Final = tuple(zip(ON_MISSING, (DifferenceState.ADOPTED, DifferenceState.REFUSED), strict=True))
"""What each of these makes of a missing copy."""

ACTIONS: Final = (
    Action(
        name="accept_difference",
        noun=Difference,
        verb="Accept as it is",
        title="Accept this difference?",
        permission=DECIDE_DIFFERENCE,
        obstacle=lambda row: unless(queries.open_difference(row.id) is not None, _CHANGED),
        preview=lambda row: Preview.of(
            [
                ("Account", row.account.claimed_as),
                ("Difference", f"{row.kind} {row.symbol} {row.subject}"),
                ("Expected", row.expected),
                ("There", row.actual),
            ],
            "It is not repaired, and not counted as open, as long as it stays the same.",
            "Nothing changes at the broker, nor in the copies.",
        ),
        do=_accept,
        late=_LATE,
    ),
    *ON_MISSING,
)
