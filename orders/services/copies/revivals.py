"""Copies that were given up and live all the same: what they missed is ordered. Inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from orders.domain.copies.revivals import Revived, catch_up
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command, Copy, MasterPosition, Subscription
from orders.services import command_log, mapping
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import update_rows

_log = structlog.get_logger(__name__)


def follow(copies: Sequence[Copy], *, accounts: Mapping[UUID, BrokerAccount], now: datetime) -> list[Command]:
    """The commands that bring copies to where their masters' positions are by now, or end them.

    The copies are written already. The caller holds the accounts' locks and writes the commands and the counters.
    """
    subscriptions = Subscription.objects.select_related("strategy").in_bulk({copy.subscription_id for copy in copies})
    masters = {subscription.strategy.master_id for subscription in subscriptions.values()}
    known = MasterPosition.objects.filter(account__in=masters, position_id__in={copy.position_id for copy in copies})
    positions = {(row.account_id, row.position_id): mapping.position(row) for row in known}
    openings = Command.objects.filter(copy__in=copies, action__in=ADDS_EXPOSURE, attempt=1)
    lots = dict(openings.values_list("copy_id", "decision__intent__lots"))
    terminals = mapping.terminals(account.profile_id for account in accounts.values())
    wanted = []
    for copy in copies:
        subscription = subscriptions[copy.subscription_id]
        profile = accounts[copy.account_id].profile_id
        terminal = terminals.get(profile) if profile else None
        late = Revived(
            leg=mapping.leg(copy),
            lots_open=copy.lots_open or Decimal(0),
            subscription=SubscriptionState(subscription.state),
            levels=(copy.price, copy.sl, copy.tp),
            position=positions.get((subscription.strategy.master_id, copy.position_id)),
            master_lots=lots.get(copy.id),
            spec=terminal.symbols.get(copy.symbol) if terminal else None,
        )
        wanted += [(copy, order) for order in catch_up(late)]
    for copy, order in wanted:
        _log.warning("copy.revived", copy_no=copy.copy_no, position_id=copy.position_id, action=order.action.value)
    commands = command_log.follow_up(wanted, accounts=accounts, now=now) if wanted else []
    update_rows([copy for copy, _ in wanted], command_log.LED_TO)
    return commands
