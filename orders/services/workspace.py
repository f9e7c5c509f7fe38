"""The rows that a batch of intents needs: loaded in a fixed number of reads, written in a fixed number of statements.

Follower accounts are locked, in the order of their ids, BEFORE anything that decisions depend on is read: two masters
cannot both pass one follower's limit, and numbers become visible in order. Everything runs inside the caller's
transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from orders.domain.allocation import Funds, Mode, Sizing
from orders.domain.commands import CommandState
from orders.domain.copies import ALIVE, CopyState
from orders.domain.decisions import Case, Leg, Order, Rules, SubscriptionState, Terminal, Verdict
from orders.domain.guards import Exposure, Limits
from orders.domain.intents import ADDS_EXPOSURE, Action, OrderIntent, OrderType, Side
from orders.domain.positions import Position, PositionState
from orders.domain.symbols import Affixes
from orders.domain.terminals import read_terminal
from orders.models import Command, Copy, Decision, Intent, MasterPosition, Subscription
from orders.queries import log_frame
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import update_rows
from sessions_app.models.fields import new_id
from sessions_app.services.ports import Arrival, Batch

_NONE = Decimal(0)
_TERMINALS_KEPT = 4096
_terminals: dict[UUID, Terminal] = {}


def terminals(profile_ids: Iterable[UUID | None]) -> Mapping[UUID, Terminal]:
    """Terminals by profile id; a profile never changes, so each is read once per process."""
    wanted = {profile for profile in profile_ids if profile is not None}
    missing = wanted - _terminals.keys()
    if missing:
        if len(_terminals) > _TERMINALS_KEPT:
            _terminals.clear()
            missing = wanted
        _terminals.update({key: read_terminal(content) for key, content in queries.profile_contents(missing).items()})
    return _terminals


@dataclass(slots=True)
class Workspace:
    """One batch's rows in memory, changed as its intents are decided one after the other."""

    now: datetime
    accounts: dict[UUID, BrokerAccount]
    followers: set[UUID]
    terminals: Mapping[UUID, Terminal]
    decided_on: Mapping[UUID, UUID | None]
    subscriptions: dict[UUID, list[Subscription]]
    positions: dict[tuple[UUID, int], Position]
    position_rows: dict[tuple[UUID, int], MasterPosition]
    firsts: dict[tuple[UUID, int, str], UUID]
    copies: dict[tuple[UUID, int], dict[int, Copy]]
    open_positions: dict[UUID, set[tuple[UUID, int]]]
    changed_positions: set[tuple[UUID, int]] = field(default_factory=set)
    changed_copies: set[UUID] = field(default_factory=set)
    intents: list[Intent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    new_copies: list[Copy] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    @classmethod
    def load(cls, arrivals: Sequence[Arrival], now: datetime) -> "Workspace":
        """Lock the followers and read everything."""
        masters = {arrival.account_pk for arrival in arrivals}
        intents = [arrival.payload for arrival in arrivals if isinstance(arrival.payload, OrderIntent)]
        position_ids = {intent.position_id for intent in intents}
        subscriptions = _subscriptions(masters)
        mine = [item for group in subscriptions.values() for item in group]
        followers = {item.follower_id for item in mine}
        accounts = _lock_accounts(masters, followers)
        rows = MasterPosition.objects.filter(account__in=masters, position_id__in=position_ids)
        position_rows = {(row.account_id, row.position_id): row for row in rows}
        return cls(
            now=now,
            accounts=accounts,
            followers=followers,
            terminals=terminals(account.profile_id for account in accounts.values()),
            decided_on=_decided_on(accounts.values()),
            subscriptions=subscriptions,
            positions={key: _position(row) for key, row in position_rows.items()},
            position_rows=position_rows,
            firsts=_first_intents(masters, {intent.ticket for intent in intents}),
            copies=_copies(mine, position_ids),
            open_positions=_open_positions(mine),
        )

    def terminal(self, account_pk: UUID) -> Terminal | None:
        profile = self.accounts[account_pk].profile_id
        return None if profile is None else self.terminals.get(profile)

    def case(self, arrival: Arrival, intent: OrderIntent, subscription: Subscription) -> Case:
        """Everything one subscription's decision may look at."""
        follower = subscription.follower_id
        copies = self.copies.get((subscription.id, intent.position_id), {})
        return Case(
            intent=intent,
            occurred_at=arrival.at - timedelta(milliseconds=intent.age_ms),
            position=self.positions.get((arrival.account_pk, intent.position_id)),
            rules=_rules(subscription),
            master=self.terminal(arrival.account_pk) or Terminal(),
            master_funds=self._master_funds(arrival.account_pk, intent),
            follower=self.terminal(follower),
            follower_funds=_funds(self.accounts[follower], self.terminal(follower)),
            exposure=Exposure(
                open_positions=len(self.open_positions.get(follower, ())),
                next_copy_no=self.accounts[follower].next_copy_no,
            ),
            legs=[_leg(copy) for _, copy in sorted(copies.items())],
            now=self.now,
            stale_after=timedelta(seconds=2 * settings.GATEWAY["heartbeat_timeout"]),
        )

    def _master_funds(self, account_pk: UUID, intent: OrderIntent) -> Funds:
        """The intent's own figures win over the last heartbeat's."""
        terminal = self.terminal(account_pk)
        if intent.balance is None:
            return _funds(self.accounts[account_pk], terminal)
        return Funds(terminal.currency if terminal else None, intent.balance, intent.equity)

    def record(self, intent: Intent, subscription: Subscription, verdict: Verdict) -> None:
        """Note one decision with its commands; numbered at once, or held while the follower is pending."""
        decision = Decision(
            id=new_id(),
            intent=intent,
            subscription=subscription,
            outcome=verdict.outcome,
            code=verdict.code.value if verdict.code else "",
            steps=verdict.steps,
            decided_at=self.now,
        )
        self.decisions.append(decision)
        for order in verdict.orders:
            self._order(intent, subscription, decision, order)

    def _order(self, intent: Intent, subscription: Subscription, decision: Decision, order: Order) -> None:
        account = self.accounts[subscription.follower_id]
        held = account.fence == 0
        copies = self.copies.setdefault((subscription.id, intent.position_id), {})
        if order.action in ADDS_EXPOSURE:
            copies[order.leg] = self._new_copy(account, subscription, intent, order, held=held)
        copy = copies[order.leg]
        self._lead(copy, order)
        command = _command(account, intent, decision, copy, order, now=self.now)
        if held:
            command.state, command.hold_no = CommandState.HELD, account.next_hold
            command.decided_on_id = self.decided_on.get(account.id)
            account.next_hold += 1
        else:
            command.state, command.seq = CommandState.QUEUED, account.next_seq
            account.next_seq += 1
        self.commands.append(command)

    def _new_copy(
        self, account: BrokerAccount, subscription: Subscription, intent: Intent, order: Order, *, held: bool
    ) -> Copy:
        copy = Copy(
            id=new_id(),
            subscription=subscription,
            account=account,
            position_id=intent.position_id,
            leg=order.leg,
            state=CopyState.HELD if held else CopyState.ORDERED,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            lots_opened=order.lots,
            lots_open=_NONE,
            created_at=self.now,
        )
        if not held:
            copy.copy_no = account.next_copy_no
            account.next_copy_no += 1
        self.new_copies.append(copy)
        self.open_positions.setdefault(account.id, set()).add((subscription.id, intent.position_id))
        return copy

    def _lead(self, copy: Copy, order: Order) -> None:
        """Where the decided commands lead the copy."""
        copy.lots_decided = order.lots_after
        if order.action in ADDS_EXPOSURE or order.action is Action.MODIFY:
            copy.sl, copy.tp = order.sl, order.tp
            copy.price = order.price if order.price is not None else copy.price
        if order.lots_after == 0:
            self.open_positions.get(copy.account_id, set()).discard((copy.subscription_id, copy.position_id))
        self.changed_copies.add(copy.id)

    def move_position(self, account_pk: UUID, intent: OrderIntent, after: Position | None) -> None:
        """Note the master's position after an intent."""
        key = (account_pk, intent.position_id)
        if after is not None and after != self.positions.get(key):
            self.positions[key] = after
            self.changed_positions.add(key)

    # Writing -------------------------------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write everything, and note the numbered commands for delivery after the commit."""
        Intent.objects.bulk_create(self.intents, batch_size=200)
        self._write_positions()
        Decision.objects.bulk_create(self.decisions, batch_size=200)
        Copy.objects.bulk_create(self.new_copies, batch_size=200)
        self._write_copies()
        Command.objects.bulk_create(self.commands, batch_size=200)
        self._write_counters()
        numbered: dict[UUID, list[Command]] = defaultdict(list)
        for command in self.commands:
            if command.seq is not None:
                numbered[command.account_id].append(command)
        for account_pk, commands in numbered.items():
            batch.append(account_pk, [log_frame(command) for command in commands])

    def _write_positions(self) -> None:
        new: list[MasterPosition] = []
        old: list[MasterPosition] = []
        for key in self.changed_positions:
            row = self.position_rows.get(key)
            (new if row is None else old).append(_position_row(row, key, self.positions[key]))
        MasterPosition.objects.bulk_create(new, batch_size=200)
        fields = ["state", "ticket", "lots", "sl", "tp", "price", "expiry"]
        update_rows(old, fields)

    def _write_copies(self) -> None:
        created = {copy.id for copy in self.new_copies}
        changed = [
            copy
            for legs in self.copies.values()
            for copy in legs.values()
            if copy.id in self.changed_copies and copy.id not in created
        ]
        update_rows(changed, ["lots_decided", "sl", "tp", "price"])

    def _write_counters(self) -> None:
        moved = {command.account_id for command in self.commands}
        rows = [self.accounts[account_pk] for account_pk in sorted(moved)]
        update_rows(rows, ["next_seq", "next_copy_no", "next_hold"])


# Reading ----------------------------------------------------------------------------------------------------


def _subscriptions(masters: set[UUID]) -> dict[UUID, list[Subscription]]:
    rows = Subscription.objects.select_related("strategy").filter(strategy__master__in=masters)
    found: dict[UUID, list[Subscription]] = defaultdict(list)
    for row in rows.exclude(state=SubscriptionState.OFF).order_by("id"):
        found[row.strategy.master_id].append(row)
    return dict(found)


def _lock_accounts(masters: set[UUID], followers: set[UUID]) -> dict[UUID, BrokerAccount]:
    locked = BrokerAccount.objects.select_for_update(no_key=True).filter(id__in=followers).order_by("id")
    accounts = {account.id: account for account in locked}
    accounts.update({row.id: row for row in BrokerAccount.objects.filter(id__in=masters - followers)})
    return accounts


def _decided_on(accounts: Iterable[BrokerAccount]) -> dict[UUID, UUID | None]:
    """The pending session that decisions for an account rest on; None once one was authenticated."""
    pending = {account.profile_id: account.id for account in accounts if account.fence == 0 and account.profile_id}
    if not pending:
        return {}
    return {pending[profile]: session for profile, session in queries.profile_sessions(pending).items()}


def _first_intents(masters: set[UUID], tickets: set[int]) -> dict[tuple[UUID, int, str], UUID]:
    rows = Intent.objects.filter(account__in=masters, ticket__in=tickets, repeated=False)
    found = rows.exclude(action=Action.MODIFY).values_list("account_id", "ticket", "action", "id")
    return {(account, ticket, action): pk for account, ticket, action, pk in found}


def _copies(subscriptions: Sequence[Subscription], position_ids: set[int]) -> dict[tuple[UUID, int], dict[int, Copy]]:
    rows = Copy.objects.filter(subscription__in=[item.id for item in subscriptions], position_id__in=position_ids)
    found: dict[tuple[UUID, int], dict[int, Copy]] = defaultdict(dict)
    for copy in rows:
        found[copy.subscription_id, copy.position_id][copy.leg] = copy
    return dict(found)


def _open_positions(subscriptions: Sequence[Subscription]) -> dict[UUID, set[tuple[UUID, int]]]:
    """Copied positions by follower, for the followers with a limit on them."""
    limited = {item.follower_id for item in subscriptions if item.max_open_positions is not None}
    found: dict[UUID, set[tuple[UUID, int]]] = {account: set() for account in limited}
    if limited:
        rows = Copy.objects.filter(account__in=limited, state__in=ALIVE, lots_decided__gt=0)
        for account, subscription, position in rows.values_list("account_id", "subscription_id", "position_id"):
            found[account].add((subscription, position))
    return found


def _rules(row: Subscription) -> Rules:
    return Rules(
        state=SubscriptionState(row.state),
        sizing=Sizing(
            mode=Mode(row.mode),
            multiplier=row.multiplier if row.multiplier is not None else Decimal(1),
            lots=row.lots,
            fixed_master_base=row.fixed_master_base,
            fixed_follower_base=row.fixed_follower_base,
        ),
        limits=Limits(max_lots=row.max_lots, max_open_positions=row.max_open_positions),
        max_age=timedelta(seconds=row.max_age_seconds),
        symbol_map=row.symbol_map,
        affixes=Affixes(row.prefix, row.suffix),
    )


def _funds(account: BrokerAccount, terminal: Terminal | None) -> Funds:
    currency = terminal.currency if terminal else None
    return Funds(currency, account.balance, account.equity, account.free_margin, account.funds_at)


def _position(row: MasterPosition) -> Position:
    return Position(
        state=PositionState(row.state),
        ticket=row.ticket,
        lots=row.lots,
        sl=row.sl or _NONE,
        tp=row.tp or _NONE,
        price=row.price,
        expiry=row.expiry,
    )


def _position_row(row: MasterPosition | None, key: tuple[UUID, int], position: Position) -> MasterPosition:
    row = row or MasterPosition(account_id=key[0], position_id=key[1])
    row.state, row.ticket, row.lots, row.price = position.state, position.ticket, position.lots, position.price
    row.sl, row.tp, row.expiry = position.sl, position.tp, position.expiry
    return row


def _leg(copy: Copy) -> Leg:
    return Leg(
        leg=copy.leg,
        state=CopyState(copy.state),
        symbol=copy.symbol,
        side=Side(copy.side),
        order_type=OrderType(copy.order_type),
        lots=copy.lots_decided or _NONE,
        tombstoned=copy.tombstoned_at is not None,
    )


def _command(
    account: BrokerAccount, intent: Intent, decision: Decision, copy: Copy, order: Order, *, now: datetime
) -> Command:
    return Command(
        id=new_id(),
        account=account,
        decision=decision,
        copy=copy,
        leg=order.leg,
        action=order.action,
        epoch=account.epoch,
        position_id=intent.position_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        lots=order.lots,
        lots_before=order.lots_before,
        lots_after=order.lots_after,
        price=order.price,
        sl=order.sl,
        tp=order.tp,
        expiry=order.expiry,
        valid_until=order.valid_until,
        occurred_at=intent.occurred_at,
        received_at=intent.received_at,
        decided_at=now,
    )
