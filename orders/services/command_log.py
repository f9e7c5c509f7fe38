"""A decided order as rows: its copy, and its command in the follower's log. Inside the caller's transaction.

The caller holds the account's row lock and writes what is made here, with the account's counters (COUNTERS).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Max

from orders.domain.copies.legs import Order
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.wire.commands import MAX_COPY_NO
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from orders.models import Command, Copy, Decision, Subscription
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import new_id
from sessions_app.services.lifecycle.recovery import COPY_NUMBERS_LOW
from sessions_app.services.operations import alerts

COUNTERS: Final = ("next_seq", "next_copy_no", "next_hold")
LED_TO: Final = ("lots_decided", "sl", "tp", "price")


def held(account: BrokerAccount) -> bool:
    """Whether commands of this account get no number yet: it has never been authenticated."""
    return account.fence == 0


def new_copy(
    *, account: BrokerAccount, subscription: Subscription, position_id: int, order: Order, now: datetime
) -> Copy:
    """The copy that an order which adds exposure shall make."""
    copy = Copy(
        id=new_id(),
        subscription=subscription,
        account=account,
        position_id=position_id,
        leg=order.leg,
        state=CopyState.HELD if held(account) else CopyState.ORDERED,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        reverse=order.reverse,
        lots_opened=order.lots,
        lots_open=Decimal(0),
        created_at=now,
    )
    if not held(account):
        copy.copy_no = take_copy_number(account, now)
    return copy


def take_copy_number(account: BrokerAccount, now: datetime) -> int:
    """The account's next copy number. From 90 % on an operator is called, at every percent."""
    number = account.next_copy_no
    account.next_copy_no += 1
    if number >= COPY_NUMBERS_LOW and (number - COPY_NUMBERS_LOW) % (MAX_COPY_NO // 100) == 0:
        text = f"{number} of {MAX_COPY_NO} copy numbers are used"
        alerts.raise_alert(code=AlertCode.COPY_NUMBERS_LOW, text=text, now=now, account_pk=account.id)
    return number


def lead(copy: Copy, order: Order) -> None:
    """Where the decided commands lead the copy."""
    copy.lots_decided = order.lots_after
    if order.action in ADDS_EXPOSURE or order.action is Action.MODIFY:
        copy.sl, copy.tp = order.sl, order.tp
        copy.price = order.price if order.price is not None else copy.price


def issue(
    *,
    account: BrokerAccount,
    decision: Decision,
    copy: Copy,
    order: Order,
    occurred_at: datetime,
    received_at: datetime,
    now: datetime,
    decided_on: UUID | None = None,
    attempt: int = 1,
) -> Command:
    """The command of one order: the next in the account's log, or held. `decided_on`: see the model."""
    command = Command(
        id=new_id(),
        account=account,
        decision=decision,
        copy=copy,
        leg=order.leg,
        attempt=attempt,
        action=order.action,
        epoch=account.epoch,
        position_id=copy.position_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        lots=order.lots,
        lots_before=order.lots_before,
        lots_after=order.lots_after,
        price=order.price,
        deviation_points=order.deviation_points,
        sl=order.sl,
        tp=order.tp,
        expiry=order.expiry,
        valid_until=order.valid_until,
        occurred_at=occurred_at,
        received_at=received_at,
        decided_at=now,
    )
    if held(account):
        command.state, command.hold_no, command.decided_on_id = CommandState.HELD, account.next_hold, decided_on
        account.next_hold += 1
    else:
        command.state, command.seq = CommandState.QUEUED, account.next_seq
        account.next_seq += 1
    return command


def follow_up(
    wanted: Sequence[tuple[Copy, Order]], *, accounts: Mapping[UUID, BrokerAccount], now: datetime
) -> list[Command]:
    """Commands that no intent has asked for: under the decision that opened each copy, as the next attempt.

    The copies are led there; the caller writes them (LED_TO), the commands, and the counters.
    """
    opened = Command.objects.filter(copy__in=[copy for copy, _ in wanted], action__in=ADDS_EXPOSURE)
    decisions: dict[UUID, Decision] = {
        row.copy_id: row.decision for row in opened.select_related("decision") if row.decision is not None
    }
    issued = Command.objects.filter(decision__in=decisions.values()).values_list("decision_id", "leg", "action")
    last = {(decision, leg, action): attempt for decision, leg, action, attempt in issued.annotate(Max("attempt"))}
    commands = []
    for copy, order in wanted:
        decision = decisions[copy.id]
        key = (decision.id, order.leg, order.action.value)
        last[key] = last.get(key, 0) + 1
        lead(copy, order)
        commands.append(
            issue(
                account=accounts[copy.account_id],
                decision=decision,
                copy=copy,
                order=order,
                occurred_at=now,
                received_at=now,
                now=now,
                attempt=last[key],
            )
        )
    return commands
