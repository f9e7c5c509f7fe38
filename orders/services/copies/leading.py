"""Where orders lead a copy, as its row keeps it. The caller writes the rows: LED_TO, or a new copy whole."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from orders.domain.copies.legs import Order
from orders.domain.sizing.rounding import Grid
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from orders.models import Copy
from orders.services import command_log
from orders.services.command_log import CommandLog, LockedAccount
from sessions_app.models.fields import new_id
from sessions_app.models.light import record

LED_TO: Final = ("lots_decided", "sl", "tp", "price", "next_check_at", "wait_reason")


def new_copy(
    log: CommandLog,
    account: LockedAccount,
    *,
    subscription_pk: UUID,
    position_id: int,
    order: Order,
    master_lots: Decimal | None,
    spec: Grid | None,
) -> Copy:
    """The copy that an order which adds exposure shall make. While its account is pending it has no number.

    `master_lots`: what the master has of the position now: the copy follows his share of that; 0 where it stands in for
    a leg that keeps the share. It keeps the `spec` by which it was made: its broker may take the symbol off the list
    while it is open.
    """
    return record(
        Copy,
        id=new_id(),
        subscription_id=subscription_pk,
        account_id=account.row.id,
        position_id=position_id,
        leg=order.leg,
        copy_no=None if account.holds else log.take_copy_number(account),
        state=CopyState.HELD if account.holds else CopyState.ORDERED,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        reverse=order.reverse,
        lots_opened=order.lots,
        lots_open=Decimal(0),
        lots_filled=Decimal(0),
        master_lots=master_lots,
        lots_step=spec.lots_step if spec else None,
        lots_min=spec.lots_min if spec else None,
        digits=spec.digits if spec else None,
        tick_size=spec.tick_size if spec else None,
        created_at=log.now,
    )


def lead(copy: Copy, order: Order) -> None:
    """Where the decided commands lead the copy."""
    copy.lots_decided = order.lots_after
    # A close names no stops: the copy's stay wanted, in case it is refused.
    if order.action in ADDS_EXPOSURE or order.action is Action.MODIFY:
        copy.sl, copy.tp = order.sl, order.tp
        copy.price = order.price if order.price is not None else copy.price


def follow_up(
    log: CommandLog, wanted: Sequence[tuple[Copy, Order]], under: Mapping[tuple[UUID, str], UUID] | None = None
) -> None:
    """Order what no intent has asked for, and lead the copies there; `under`: see the command log."""
    if not wanted:
        return
    for copy, order in wanted:
        lead(copy, order)
    command_log.follow_up(log, wanted, under)
