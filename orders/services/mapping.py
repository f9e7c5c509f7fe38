"""From rows to the values that decisions look at."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from orders.domain.copies.legs import Leg
from orders.domain.copies.positions import Position, PositionState
from orders.domain.decision.filters import FilterMistake, Filters, read_filters
from orders.domain.decision.inputs import MAX_RISK_MULTIPLE, Rules, Terminal
from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.decision.symbols import Affixes
from orders.domain.decision.terminals import read_terminal
from orders.domain.risk.limits import Limits
from orders.domain.sizing.modes import Funds, Mode, Sizing
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import OrderType, Side
from orders.models import Copy, MasterPosition, Subscription
from sessions_app import queries
from sessions_app.models import BrokerAccount

_NONE: Final = Decimal(0)
_log = structlog.get_logger(__name__)
_TERMINALS_KEPT: Final = 4096
_terminals: dict[UUID, Terminal] = {}


def terminals(profile_ids: Iterable[UUID | None]) -> Mapping[UUID, Terminal]:
    """These terminals by profile id; a profile never changes, so each is read once per process.

    The answer is the caller's own: what several threads share may be emptied at any moment.
    """
    wanted = {profile for profile in profile_ids if profile is not None}
    known = {profile: found for profile in wanted if (found := _terminals.get(profile)) is not None}
    missing = wanted - known.keys()
    if missing:
        read = {key: read_terminal(content) for key, content in queries.profile_contents(missing).items()}
        # All at once: which of them is used least would cost more to know than to read again.
        if len(_terminals) + len(read) > _TERMINALS_KEPT:
            _terminals.clear()
        _terminals.update(read)
        known |= read
    return known


def rules(row: Subscription) -> Rules:
    """A subscription's settings, with those of its strategy."""
    return Rules(
        state=SubscriptionState(row.state),
        sizing=Sizing(
            mode=Mode(row.mode),
            # Rows of earlier releases have none.
            multiplier=row.multiplier if row.multiplier is not None else Decimal(1),
            lots=row.lots,
            fixed_master_base=row.fixed_master_base,
            fixed_follower_base=row.fixed_follower_base,
        ),
        limits=Limits(max_lots=row.max_lots, max_open_positions=row.max_open_positions),
        max_age=timedelta(seconds=row.max_age_seconds),
        symbol_map=row.symbol_map,
        affixes=Affixes(row.prefix, row.suffix),
        filters=_filters(row),
        reverse=row.reverse,
        late_policy=LatePolicy(row.late_policy),
        late_span=timedelta(seconds=row.late_seconds),
        deviation_points=row.deviation_points,
        pending_wait=timedelta(seconds=row.pending_wait_seconds),
        min_lots_policy=MinLotsPolicy(row.min_lots_policy),
        max_risk_multiple=row.max_risk_multiple or MAX_RISK_MULTIPLE,
        relay_copies=row.strategy.relay_copies,
    )


def _filters(row: Subscription) -> Filters | None:
    """None if they cannot be read: one subscription's settings must not stop the master's trade for the others."""
    try:
        return read_filters(row.filters)
    except FilterMistake as mistake:
        _log.error(
            "subscription.filters_unreadable", subscription_id=str(row.id), path=mistake.path, error=str(mistake)
        )
        return None


def funds(account: BrokerAccount, terminal: Terminal | None) -> Funds:
    """An account's funds as last told."""
    currency = terminal.currency if terminal else None
    return Funds(currency, account.balance, account.equity, account.free_margin, account.funds_at)


def position(row: MasterPosition) -> Position:
    """A master's position."""
    return Position(
        state=PositionState(row.state),
        ticket=row.ticket,
        lots=row.lots,
        sl=row.sl or _NONE,
        tp=row.tp or _NONE,
        price=row.price,
        expiry=row.expiry,
    )


def position_row(row: MasterPosition | None, key: tuple[UUID, int], value: Position) -> MasterPosition:
    """The row of a master's position, as it shall be."""
    row = row or MasterPosition(account_id=key[0], position_id=key[1])
    row.state, row.ticket, row.lots, row.price = value.state, value.ticket, value.lots, value.price
    row.sl, row.tp, row.expiry = value.sl, value.tp, value.expiry
    return row


def leg(copy: Copy) -> Leg:
    """One copied leg."""
    return Leg(
        leg=copy.leg,
        state=CopyState(copy.state),
        symbol=copy.symbol,
        side=Side(copy.side),
        order_type=OrderType(copy.order_type),
        lots=copy.lots_decided or _NONE,
        tombstoned=copy.tombstoned_at is not None,
        reverse=copy.reverse,
        lifted=copy.lifted_at is not None,
    )
