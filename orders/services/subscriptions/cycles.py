"""Who copies whom. The graph of accounts has no cycle: copies of copies of one's own trades would never end.

`hold` makes changes of the graph come one after the other; whoever adds an edge holds it first, before any row lock,
and asks `cycle_with` afterwards. Only orders/services/subscriptions/lifecycle.py and the provisioning
document add edges.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.db import connection

from orders.domain.provisioning.cycles import find_cycle
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Subscription

_TURN: Final = 0x5A00_6772_6170_6800  # one advisory lock for the whole deployment


class Link(NamedTuple):
    """One subscription by names: they exist before its rows do."""

    tenant: str
    strategy: str
    master: str
    follower: str


def hold() -> None:
    """Wait for one's turn to change the graph, until the transaction ends. SQLite has one writer anyway."""
    # Two people who each add one edge could close a circle between them: neither sees the other's.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def cycle_with(changes: Mapping[Link, SubscriptionState | None]) -> list[str] | None:
    """The accounts of a cycle that the graph would have with these changes, or None.

    A state of None leaves a known subscription as it is, and makes a new one active. Subscriptions that are off count
    for nothing. The caller holds the graph.
    """
    names = Subscription.objects.values_list(
        "strategy__tenant__name", "strategy__name", "strategy__master__account_id", "follower__account_id", "state"
    )
    states: dict[Link, str] = {Link(*where): state for *where, state in names}
    for link, state in changes.items():
        states[link] = state or states.get(link, SubscriptionState.ACTIVE)
    # Nothing flows through what is off.
    live = {(link.master, link.follower) for link, state in states.items() if state != SubscriptionState.OFF}
    itself = next((master for master, follower in sorted(live) if master == follower), None)
    return [itself, itself] if itself is not None else find_cycle(live)
