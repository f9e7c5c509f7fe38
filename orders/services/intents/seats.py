"""The subscriptions of masters at the table of a batch's intents, each with all that is its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings

from orders.domain.decision.inputs import MarketQuote, Rules, Terminal
from orders.domain.sizing.modes import Funds
from orders.services import mapping
from orders.services.command_log import CommandLog, LockedAccount
from orders.services.intents import reading
from orders.services.intents.reading import Subscribed

NO_QUOTES: Final[Mapping[str, MarketQuote]] = {}


@dataclass(slots=True)
class Seat:
    """One subscription at the table of its master's intents: all that is its own, found once for the batch.

    `open_positions`: of its follower, which several subscriptions share.
    """

    subscription: Subscribed
    rules: Rules | None
    account: LockedAccount
    terminal: Terminal | None
    funds: Funds
    open_positions: set[tuple[UUID, int]]
    quotes: Mapping[str, MarketQuote]
    timeout: int

    @property
    def known_rules(self) -> Rules:
        """What the subscription says.

        :raises KeyError: it cannot be read
        """
        if self.rules is None:
            raise KeyError(self.subscription.id)
        return self.rules


def seats_of(
    subscriptions: Mapping[UUID, Sequence[Subscribed]],
    rules: Mapping[UUID, Rules],
    log: CommandLog,
    terminals: Mapping[UUID, Terminal],
    timeouts: Mapping[UUID, int],
) -> dict[UUID, list[Seat]]:
    """The subscriptions of each master, each with all that is its own."""
    mine = [item for group in subscriptions.values() for item in group]
    default: int = settings.GATEWAY["heartbeat_timeout"]
    open_positions, quotes = reading.open_positions(mine, rules), reading.quotes(mine, rules)

    def seat(item: Subscribed) -> Seat:
        follower = item.follower_id
        account = log.accounts[follower]
        profile = account.row.profile_id
        terminal = terminals.get(profile) if profile is not None else None
        return Seat(
            subscription=item,
            rules=rules.get(item.id),
            account=account,
            terminal=terminal,
            funds=mapping.funds(account.row, terminal),
            open_positions=open_positions.setdefault(follower, set()),
            quotes=quotes.get(follower, NO_QUOTES) if quotes else NO_QUOTES,
            timeout=timeouts.get(follower, default) if timeouts else default,
        )

    return {master: [seat(item) for item in group] for master, group in subscriptions.items()}
