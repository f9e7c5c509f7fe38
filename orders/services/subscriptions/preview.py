"""What a master's last trades would have become under other settings: the same pure decision, and nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

import msgspec
from django.conf import settings

from orders.domain.decision.filters import read_filters
from orders.domain.decision.inputs import Case, Rules, Terminal
from orders.domain.decision.pipeline import Decided, decide
from orders.domain.decision.settings import Settings
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, OrderIntent
from orders.models import Intent, Strategy
from orders.services import mapping
from orders.services.intents import reading
from sessions_app.domain.decimals import decode_hook
from sessions_app.models import BrokerAccount

LAST: Final = 10
_NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Previewed:
    """One trade and what it would have become; nothing decided where what is stored of it cannot be read."""

    intent: Intent
    decided: Decided | None

    @property
    def lots(self) -> Decimal:
        """The lots of all orders that it would have made."""
        return sum((order.lots or _NONE for order in self.decided.orders), _NONE) if self.decided else _NONE


def last_trades(*, strategy: Strategy, follower: BrokerAccount, wanted: Settings) -> Sequence[Previewed]:
    """The last trades that opened something, the newest first, decided at the moment when each was received.

    With the follower's terminal and funds as they are now, and as if it held nothing else: what it held then is not
    known any more. Its market is not looked at.
    """
    opening = Intent.objects.filter(
        account_id=strategy.master_id, action__in=[action.value for action in ADDS_EXPOSURE], repeated=False
    )
    rows = list(opening.order_by("-id")[:LAST])
    master = strategy.master
    terminals = mapping.terminals([master.profile_id, follower.profile_id])
    rules = Rules(
        state=SubscriptionState.ACTIVE,
        settings=wanted,
        filters=read_filters(wanted.filters),
        relay_copies=strategy.relay_copies,
    )

    def case(row: Intent, intent: OrderIntent) -> Case:
        of_master = terminals.get(master.profile_id) if master.profile_id else None
        of_follower = terminals.get(follower.profile_id) if follower.profile_id else None
        return Case(
            intent=intent,
            occurred_at=row.occurred_at,
            position=None,
            rules=rules,
            master=of_master or Terminal(),
            master_funds=_told(intent, mapping.funds(master, of_master)),
            follower=of_follower,
            follower_funds=mapping.funds(follower, of_follower),
            exposure=Exposure(open_positions=0, next_copy_no=follower.next_copy_no, notional=_NONE),
            legs=[],
            now=row.received_at,
            stale_after=timedelta(seconds=2 * settings.GATEWAY["heartbeat_timeout"]),
            max_leverage=reading.max_leverage(),
        )

    return [Previewed(row, decide(case(row, intent)) if (intent := _read(row)) else None) for row in rows]


def _read(row: Intent) -> OrderIntent | None:
    columns = {"action": row.action, "position_id": row.position_id, "ticket": row.ticket, "symbol": row.symbol}
    try:
        return msgspec.convert({**row.content, **columns}, OrderIntent, dec_hook=decode_hook)
    except (msgspec.ValidationError, ValueError):
        return None


def _told(intent: OrderIntent, known: Funds) -> Funds:
    """As for a decision: what the intent itself says of the master's funds wins."""
    told = {name: amount for name in ("balance", "equity") if (amount := getattr(intent, name)) is not None}
    return replace(known, **told, fresh=frozenset(told))
