"""What may be done about a difference between books, by its kind: what may be chosen, and what is done unless told."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from orders.domain.wire.snapshots import DifferenceKind
from sessions_app.domain.said import say


class Policy(StrEnum):
    """What is done about a difference of one kind: tell; repair while the price allows; close the position."""

    NOTIFY = "notify"
    REPAIR = "repair"
    FLATTEN = "flatten"


ALLOWED: Final[Mapping[DifferenceKind, frozenset[Policy]]] = {
    # There is nothing to close, and opening it again would be a trade that no signal stands for.
    DifferenceKind.MISSING: frozenset({Policy.NOTIFY}),
    DifferenceKind.EXTRA: frozenset(Policy),
    DifferenceKind.WRONG_LOTS: frozenset(Policy),
    DifferenceKind.WRONG_SIDE: frozenset({Policy.NOTIFY, Policy.FLATTEN}),
    DifferenceKind.STOPS_DRIFT: frozenset({Policy.NOTIFY, Policy.REPAIR}),
    # The follower's own trades are his: no setting may touch them.
    DifferenceKind.FOREIGN: frozenset({Policy.NOTIFY}),
}
DEFAULTS: Final[Mapping[DifferenceKind, Policy]] = {
    kind: Policy.REPAIR if kind is DifferenceKind.STOPS_DRIFT else Policy.NOTIFY for kind in DifferenceKind
}


def policy_for(kind: DifferenceKind, *settings: Mapping[str, Any]) -> Policy:
    """The first of these settings that names an allowed policy for this kind, else the default."""
    for setting in settings:
        named = setting.get(kind.value)
        if named in ALLOWED[kind]:
            return Policy(named)
    return DEFAULTS[kind]


def policy_mistakes(named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every kind or policy that there is not: its place, and what was expected there."""
    for kind, policy in named.items():
        if kind not in list(DifferenceKind):
            names = ", ".join(DifferenceKind)
            yield (
                "",
                say("no difference is called %(kind)s: expected some of %(names)s", kind=repr(kind[:40]), names=names),
            )
        elif policy not in (allowed := sorted(ALLOWED[DifferenceKind(kind)])):
            yield kind, say("expected one of %(names)s", names=", ".join(allowed))
