"""Copies that were given up and live all the same: what they missed is ordered. Inside the caller's transaction."""

from collections.abc import Sequence
from decimal import Decimal

import structlog

from orders.domain.copies.revivals import Revived, catch_up
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command, Copy, MasterPosition, Subscription
from orders.services import mapping
from orders.services.command_log import CommandLog
from orders.services.copies import leading
from sessions_app.models.bulk import update_rows

_log = structlog.get_logger(__name__)


def follow(log: CommandLog, copies: Sequence[Copy]) -> None:
    """Order what brings copies to where their masters' positions are by now, or ends them.

    The copies are written already; the caller writes the log.
    """
    subscriptions = Subscription.objects.select_related("strategy").in_bulk({copy.subscription_id for copy in copies})
    masters = {subscription.strategy.master_id for subscription in subscriptions.values()}
    known = MasterPosition.objects.filter(account__in=masters, position_id__in={copy.position_id for copy in copies})
    positions = {(row.account_id, row.position_id): mapping.position(row) for row in known}
    openings = Command.objects.filter(copy__in=copies, action__in=ADDS_EXPOSURE, attempt=1)
    lots = dict(openings.values_list("copy_id", "decision__intent__lots"))
    terminals = mapping.terminals(account.profile_id for account in log.rows.values())
    wanted = []
    for copy in copies:
        subscription = subscriptions[copy.subscription_id]
        profile = log.row(copy.account_id).profile_id
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
    leading.follow_up(log, wanted)
    update_rows([copy for copy, _ in wanted], leading.LED_TO)
