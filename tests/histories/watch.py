"""What must never be silent, looked at while a history goes on: the table of alerts.

A fact that stands for longer than its grace while no alert of its codes is there is a violation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from tests.histories import rows
from tests.histories.broker import ZERO, Ticket
from tests.histories.gateway import TIMEOUT
from tests.histories.master import Position
from tests.histories.world import Follower, Subscribed, World


class Fact(StrEnum):
    UNPROTECTED = "unprotected"
    CLOSE_UNDELIVERED = "close_undelivered"
    OPEN_REJECTED = "open_rejected"
    UNDER_FILLED = "under_filled"


CODES: Final[dict[Fact, frozenset[str]]] = {
    Fact.UNPROTECTED: frozenset({"unprotected"}),
    Fact.CLOSE_UNDELIVERED: frozenset({"close_undelivered", "offline_with_copies"}),
    Fact.OPEN_REJECTED: frozenset({"open_rejected"}),
    Fact.UNDER_FILLED: frozenset({"under_filled"}),
}
# A terminal that is gone is missed at the heartbeat timeout, which is 90 s here, and by the sweep after it.
GRACE: Final = {Fact.UNPROTECTED: 75.0, Fact.CLOSE_UNDELIVERED: TIMEOUT + 15.0}


@dataclass(slots=True)
class Watch:
    """`silent`: the facts that nobody was called about, each once."""

    world: World
    silent: list[tuple[Fact, str]] = field(default_factory=list)
    _since: dict[tuple[Fact, str], float] = field(default_factory=dict)
    _owners: dict[UUID, dict[int, tuple[UUID, int]]] = field(default_factory=dict)

    def look(self) -> None:
        """Compare what stands now with what stood before."""
        standing = {(fact, name): follower for fact, name, follower in self._facts()}
        for key in list(self._since):
            if key not in standing:
                del self._since[key]
        now = self.world.clock.seconds
        for (fact, name), follower in standing.items():
            since = self._since.setdefault((fact, name), now)
            if now - since < GRACE[fact] or any(key == (fact, name) for key in self.silent):
                continue
            if not rows.open_alerts(follower.account.pk) & CODES[fact]:
                self.silent.append((fact, name))

    def owner(self, follower: Follower, magic: int) -> tuple[Subscribed, Position] | None:
        """Whose copy a ticket is."""
        account, copy_no = follower.account.pk, magic & 0xFFFFFF
        if copy_no not in self._owners.setdefault(account, {}):
            self._owners[account] = rows.owners(account)
        subscription, position_id = self._owners[account].get(copy_no, (None, 0))
        for sub in self.world.subscriptions:
            if sub.id == subscription:
                position = position_of(sub, position_id)
                return None if position is None else (sub, position)
        return None

    def _facts(self) -> Iterator[tuple[Fact, str, Follower]]:
        for follower in self.world.followers:
            for ticket in follower.broker.positions():
                found = self.owner(follower, ticket.magic)
                if found is None or found[0].detached_at is not None:
                    continue
                sub, position = found
                name = f"{follower.name} copy {ticket.magic & 0xFFFFFF} of {position.id}"
                # What no terminal has told, nobody can miss; what a follower has moved himself, and what its
                # terminal has lost the report of, a book shows first.
                moved = ticket.magic in follower.own_stops or ticket.magic in follower.terminal.untold
                known = sub.master.has_told_stops(position) and not moved
                if position.alive and known and lacks_stop(sub, position, ticket) and follower.terminal.connected:
                    yield Fact.UNPROTECTED, name, follower
                told = position.told_end is not None and position.told_end.stored_at is not None
                if not position.alive and told and not follower.terminal.connected:
                    yield Fact.CLOSE_UNDELIVERED, name, follower


def position_of(sub: Subscribed, position_id: int) -> Position | None:
    """The master's position by any of its tickets."""
    for position in sub.master.positions.values():
        if position_id == position.id or position_id in position.tickets:
            return position
    return None


def lacks_stop(sub: Subscribed, position: Position, ticket: Ticket) -> bool:
    """Whether the master has a stop that the copy has not, or has elsewhere."""
    sl, tp = (position.tp, position.sl) if sub.terms_of(position).reverse else (position.sl, position.tp)
    return any(wanted not in (ZERO, has) for wanted, has in ((sl, ticket.sl), (tp, ticket.tp)))
