"""The rows that a batch of intents needs: loaded in a fixed number of reads, written in a fixed number of statements.

Follower accounts are locked, in the order of their ids, BEFORE anything that decisions depend on is read: two masters
cannot both pass one follower's limit, and numbers become visible in order. Opening their log asks for the
caller's transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from msgspec import structs

from orders.domain.copies.converge import UNDELIVERED_AFTER
from orders.domain.copies.legs import Order, outgrown
from orders.domain.copies.positions import Position, as_part, is_fill
from orders.domain.decision.inputs import Case, Terminal
from orders.domain.decision.pipeline import Decided
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds
from orders.domain.sizing.rounding import notional
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.denials import Code
from orders.domain.states.reasons import WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderIntent, Side, lineage
from orders.models import (
    Copy,
    Decision,
    FillWait,
    Intent,
    MasterPosition,
)
from orders.services import mapping
from orders.services.command_log import Cause, CommandLog
from orders.services.copies import fill_waits, leading
from orders.services.intents import reading
from orders.services.intents.reading import Subscribed
from orders.services.intents.seats import Seat, seats_of
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import insert_rows, send_update
from sessions_app.models.fields import new_id
from sessions_app.models.light import record
from sessions_app.services.ingest.ports import Arrival, Batch
from sessions_app.services.operations import alerts

_log = structlog.get_logger(__name__)
_NONE = Decimal(0)
_ON_ITS_WAY = frozenset({CopyState.HELD, CopyState.ORDERED})
_FILLS = frozenset({Action.ACTIVATE, Action.OPEN})  # an open may tell of an order that was placed


@dataclass(slots=True)
class Workspace:
    """One batch's rows in memory, changed as its intents are decided one after the other."""

    now: datetime
    log: CommandLog
    accounts: dict[UUID, BrokerAccount]
    terminals: Mapping[UUID, Terminal]
    decided_on: Mapping[UUID, UUID | None]
    seats: Mapping[UUID, Sequence[Seat]]
    positions: dict[tuple[UUID, int], Position]
    position_rows: dict[tuple[UUID, int], MasterPosition]
    by_ticket: dict[tuple[UUID, int], int]
    firsts: dict[tuple[UUID, int, str, Decimal | None], UUID]
    copies: dict[tuple[UUID, int], dict[int, Copy]]
    own_copies: Mapping[UUID, frozenset[int]]
    notionals: dict[UUID, Decimal]
    waited: set[UUID]
    timeouts: Mapping[UUID, int]
    default_timeout: int
    changed_positions: set[tuple[UUID, int]] = field(default_factory=set)
    changed_copies: dict[int, Copy] = field(default_factory=dict)  # by the objects' own ids
    intents: list[Intent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    new_copies: list[Copy] = field(default_factory=list)
    waits: list[FillWait] = field(default_factory=list)
    calls: dict[tuple[AlertCode, str], tuple[str, UUID]] = field(default_factory=dict)
    books_wanted: set[UUID] = field(default_factory=set)

    @classmethod
    def load(cls, arrivals: Sequence[Arrival], now: datetime) -> "Workspace":
        """Lock the followers and read everything that their decisions rest on."""
        masters = {arrival.account_pk for arrival in arrivals}
        # A batch may hold frames of other types; their handlers have loaded what they need.
        intents = [arrival.payload for arrival in arrivals if isinstance(arrival.payload, OrderIntent)]
        asked = reading.ask(masters, intents)
        log = asked.log(now)
        followers = set(log.accounts)
        accounts = {row.id: row for row in asked.masters.read()} | log.rows
        subscriptions = reading.by_master(asked.subscriptions.read(), followers)
        mine = [item for group in subscriptions.values() for item in group]
        rules = reading.rules(mine)
        position_rows = {(row.account_id, row.position_id): row for row in asked.positions.read()}
        named = {ticket for intent in intents for ticket in lineage(intent)}
        renamed = {number for _, number in position_rows} - named
        copies = reading.copies(asked.copies.read(), mine, renamed)
        terminals = mapping.terminals(account.profile_id for account in accounts.values())
        ceiling = reading.max_leverage() is not None
        # A read that most batches do without.
        timeouts = queries.heartbeat_timeouts(accounts) if any(map(reading.looks_at_ages, rules.values())) else {}
        opening = any(intent.action in ADDS_EXPOSURE for intent in intents)
        return cls(
            now=now,
            log=log,
            accounts=accounts,
            terminals=terminals,
            decided_on=reading.decided_on(accounts.values()),
            seats=seats_of(subscriptions, rules, log, terminals, timeouts),
            positions={key: mapping.position(row) for key, row in position_rows.items()},
            position_rows=position_rows,
            by_ticket={(row.account_id, row.ticket): row.position_id for row in position_rows.values()},
            firsts={tuple(name): pk for *name, pk in asked.firsts.read()},
            copies=copies,
            own_copies=reading.own_copies(masters, intents),
            notionals=reading.notionals(accounts, followers, terminals) if opening and ceiling else {},
            default_timeout=settings.GATEWAY["heartbeat_timeout"],
            timeouts=timeouts,
            # An open of something new has no copies yet, and needs no read.
            waited=reading.waited(copies) if copies and any(intent.action in _FILLS for intent in intents) else set(),
        )

    def terminal(self, account_pk: UUID) -> Terminal | None:
        profile = self.accounts[account_pk].profile_id
        return None if profile is None else self.terminals.get(profile)

    def resolved(self, account_pk: UUID, intent: OrderIntent) -> OrderIntent:
        """The intent about the position that we know: a terminal that has lost its files names what remains of one
        after a partial close as if it were a position of its own, and an order that has filled as one that was opened.
        Where it tells of fewer lots than we know, a part was closed.
        """
        named = self._named(account_pk, intent)
        position = self.positions.get((account_pk, named.position_id))
        known = ((account_pk, named.ticket, action.value, None) for action in (Action.PLACE, Action.ACTIVATE))
        filled = is_fill(position, named, placed=any(name in self.firsts for name in known))
        told = structs.replace(named, action=Action.ACTIVATE) if filled else as_part(position, named)
        if told is named:
            return named
        # The other way round it is neither a fill nor what remains, but the deal of an account that nets.
        turned = any(True for _ in self.outgrown(account_pk, named.position_id, named.side, None))
        return named if turned else told

    def _named(self, account_pk: UUID, intent: OrderIntent) -> OrderIntent:
        if (account_pk, intent.position_id) in self.positions:
            return intent
        for ticket in lineage(intent):
            number = ticket if (account_pk, ticket) in self.positions else self.by_ticket.get((account_pk, ticket))
            if number is not None:
                return structs.replace(intent, position_id=number)
        return intent

    def outgrown(
        self, account_pk: UUID, position_id: int, side: Side | None, lots: Decimal | None
    ) -> Iterator[Subscribed]:
        """The subscriptions whose copies of a position are of fewer lots, or of the other side."""
        for seat in self.seats.get(account_pk, ()):
            copies = self.copies.get((seat.subscription.id, position_id), {})
            if outgrown(map(mapping.leg, copies.values()), side, lots):
                yield seat.subscription

    def parts(self, account_pk: UUID, ticket: int) -> list[Decimal]:
        """What remained after the partial closes of a ticket that have decided."""
        known = (
            left
            for (account, number, action, left) in self.firsts
            if (account, number, action) == (account_pk, ticket, Action.PARTIAL_CLOSE.value)
        )
        return [left for left in known if left]

    def opening(self, account_pk: UUID, ticket: int) -> Intent | None:
        """What has opened under a ticket before: nearly always nothing, and then nothing is read."""
        names = ((account_pk, ticket, action.value, None) for action in ADDS_EXPOSURE)
        first = next((pk for name in names if (pk := self.firsts.get(name)) is not None), None)
        if first is None:
            return None
        of_batch = next((row for row in self.intents if row.id == first), None)
        return of_batch or Intent.objects.get(id=first)

    def has_opened(self, account_pk: UUID, intent: OrderIntent) -> bool:
        """Whether just this opening was taken before, be it as a deal that netted: then it is told anew."""
        told = {"account_id": account_pk, "position_id": intent.position_id, "ticket": intent.ticket}
        of_batch = (row for row in self.intents if all(getattr(row, name) == value for name, value in told.items()))
        if any((row.symbol, row.content.get("side")) == (intent.symbol, intent.side) for row in of_batch):
            return True
        stored = Intent.objects.filter(**told, action__in=ADDS_EXPOSURE, symbol=intent.symbol)
        return stored.filter(content__side=intent.side).exists()

    def cases(self, arrival: Arrival, intent: OrderIntent) -> Callable[[Seat], Case]:
        """Everything that one subscription's decision about an intent may look at; what is the master's, found once."""
        master, position_id = arrival.account_pk, intent.position_id
        of_master = partial(
            Case,
            intent=intent,
            occurred_at=arrival.at - timedelta(milliseconds=intent.age_ms),
            position=self.positions.get((master, position_id)),
            master=self.terminal(master) or Terminal(),
            master_funds=self._master_funds(master, intent),
            now=self.now,
            max_leverage=reading.max_leverage(),
            own_copies=self.own_copies.get(master, frozenset()),
        )
        masters_timeout = self._timeout(master)
        notionals, all_copies = self.notionals, self.copies

        def case(seat: Seat) -> Case:
            copies = all_copies.get((seat.subscription.id, position_id)) if all_copies else None
            return of_master(
                rules=seat.known_rules,
                follower=seat.terminal,
                follower_funds=seat.funds,
                exposure=Exposure(
                    open_positions=len(seat.open_positions),
                    next_copy_no=seat.account.row.next_copy_no,
                    notional=notionals.get(seat.subscription.follower_id, _NONE) if notionals else _NONE,
                ),
                legs=[mapping.leg(copy) for _, copy in sorted(copies.items())] if copies else [],
                stale_after=timedelta(seconds=2 * max(masters_timeout, seat.timeout)),
                quotes=seat.quotes,
            )

        return case

    def _timeout(self, account_pk: UUID) -> int:
        """How many seconds the account's terminal may be silent."""
        return self.timeouts.get(account_pk, self.default_timeout)

    def _master_funds(self, account_pk: UUID, intent: OrderIntent) -> Funds:
        """The intent's own figures win over the last heartbeat's."""
        known = mapping.funds(self.accounts[account_pk], self.terminal(account_pk))
        # A program that trades sends no heartbeats between its orders; its intents carry the figures.
        told = {name: amount for name in ("balance", "equity") if (amount := getattr(intent, name)) is not None}
        return replace(known, **told, fresh=frozenset(told))

    def record(self, intent: Intent, seat: Seat, decided: Decided, steps: Any) -> None:
        """Note one decision with its commands; numbered at once, or held while the follower is pending.

        `steps`: its steps, as they are stored: encoded once for all followers that it serves.
        """
        subscription = seat.subscription
        decision = record(
            Decision,
            id=new_id(),
            intent_id=intent.id,
            subscription_id=subscription.id,
            outcome=decided.outcome,
            code=decided.code.value if decided.code else "",
            steps=steps,
            version=subscription.version,
            decided_at=self.now,
        )
        self.decisions.append(decision)
        for order in decided.orders:
            self._order(intent, seat, decision, order)
        # There is nothing to order yet: the lots are remembered for the moment of the fill.
        for leg, lots in decided.led:
            copy = self.copies[subscription.id, intent.position_id][leg]
            copy.lots_decided = lots
            self._note_change(copy)
        # Nothing may be ordered yet: the next report about one of these looks at all of them.
        for leg in decided.touched:
            copy = self.copies[subscription.id, intent.position_id][leg]
            copy.next_check_at, copy.wait_reason = self.now, WaitReason.LEGS
            self._note_change(copy)
        # What could not be decided changes what the copies follow all the same: the sweep leads them on.
        if decided.code is Code.INTERNAL:
            for copy in self.copies.get((subscription.id, intent.position_id), {}).values():
                copy.next_check_at, copy.wait_reason = self.now, WaitReason.FAULT
                self._note_change(copy)
        for number in decided.waiting:
            self._wait(intent, seat, decision, number)

    def _order(self, intent: Intent, seat: Seat, decision: Decision, order: Order) -> None:
        subscription_pk, follower = seat.subscription.id, seat.subscription.follower_id
        copies = self.copies.setdefault((subscription_pk, intent.position_id), {})
        if order.action in ADDS_EXPOSURE:
            spec = seat.terminal.symbols.get(order.symbol) if seat.terminal is not None else None
            copies[order.leg] = leading.new_copy(
                self.log,
                seat.account,
                subscription_pk=subscription_pk,
                position_id=intent.position_id,
                order=order,
                master_lots=intent.lots,
                spec=spec,
            )
            self.new_copies.append(copies[order.leg])
            seat.open_positions.add((subscription_pk, intent.position_id))
            worth = notional(spec, order.lots, order.price)
            if worth:
                self.notionals[follower] = self.notionals.get(follower, _NONE) + worth
        copy = copies[order.leg]
        self._lead(copy, copies, seat, order)
        cause = Cause(
            occurred_at=intent.occurred_at,
            received_at=intent.received_at,
            decision_id=decision.id,
            decided_on=self.decided_on.get(follower) if seat.account.holds else None,
        )
        self.log.add(copy=copy, order=order, cause=cause, account=seat.account)

    def _lead(self, copy: Copy, legs: Mapping[int, Copy], seat: Seat, order: Order) -> None:
        leading.lead(copy, order)
        # A close or a stop that nobody hears of is money at risk: it is looked after. So is a copy that waits for
        # another leg, and it goes on waiting: what is due of it is none of this order's business.
        if order.action not in ADDS_EXPOSURE and not seat.account.holds and copy.wait_reason != WaitReason.LEGS:
            copy.next_check_at, copy.wait_reason = self.now + UNDELIVERED_AFTER, WaitReason.ON_ITS_WAY
        # A position whose last leg is on its way out makes room for the next one, within this very batch.
        if not any(leg.lots_decided or leg.state in _ON_ITS_WAY for leg in legs.values() if leg.state in ALIVE):
            seat.open_positions.discard((copy.subscription_id, copy.position_id))
        self._note_change(copy)

    def _note_change(self, copy: Copy) -> None:
        self.changed_copies[id(copy)] = copy

    def _wait(self, intent: Intent, seat: Seat, decision: Decision, number: int) -> None:
        """Give a working copy some time to fill by itself; once per copy, whatever a terminal repeats."""
        copy = self.copies[seat.subscription.id, intent.position_id][number]
        # Terminals repeat themselves. The time begins once.
        if copy.id in self.waited:
            return
        self.waited.add(copy.id)
        position = self.positions.get((intent.account_id, intent.position_id))
        self.waits.append(
            record(
                FillWait,
                decision_id=decision.id,
                copy_id=copy.id,
                account_id=seat.subscription.follower_id,
                due_at=None if seat.account.holds else self.now + self._time_to_fill(copy, seat),
                # An order that its broker has dropped leads nowhere any more.
                lots=copy.lots_decided or copy.lots_opened,
                # What the order was placed with: what he has closed of it since is taken off the copy as well.
                master_lots=position.lots if position is not None and position.lots else intent.lots,
                created_at=self.now,
            )
        )

    def _time_to_fill(self, copy: Copy, seat: Seat) -> timedelta:
        """None for an order that is not there any more."""
        return seat.known_rules.pending_wait if copy.state in ALIVE else timedelta(0)

    def lost_orders(self, account_pk: UUID, position_id: int) -> Iterator[Copy]:
        """The copies whose order is not there, and that the master's fill does not open: see `fill_waits.why_lost`."""
        for seat in self.seats.get(account_pk, ()):
            if seat.subscription.state == SubscriptionState.ACTIVE:
                copies = self.copies.get((seat.subscription.id, position_id), {})
                yield from (copy for copy in copies.values() if fill_waits.why_lost(copy))

    def call(self, account_pk: UUID, code: AlertCode, text: str, *, subject: str) -> None:
        """Call a person when everything is written, once about one thing however many followers it concerns."""
        self.calls[code, subject[:64]] = (text, account_pk)

    def move_position(self, account_pk: UUID, intent: OrderIntent, after: Position | None) -> None:
        """Note the master's position after an intent."""
        key = (account_pk, intent.position_id)
        if after is not None and after != self.positions.get(key):
            self.positions[key] = after
            self.by_ticket[account_pk, after.ticket] = intent.position_id
            self.changed_positions.add(key)

    # Writing -------------------------------------------------------------------------------------------------------

    def call_people(self) -> None:
        """Raise the alerts that were noted."""
        calls = [alerts.Call(code, text, pk, subject) for (code, subject), (text, pk) in self.calls.items()]
        alerts.raise_alerts(calls, self.now)

    def write(self, batch: Batch) -> None:
        """Write everything, and note the numbered commands for delivery after the commit; nothing is read here."""
        insert_rows(Intent, self.intents)
        self._write_positions()
        insert_rows(Decision, self.decisions)
        insert_rows(Copy, self.new_copies)
        self._write_copies()
        self.log.write(batch)
        insert_rows(FillWait, self.waits)

    def _write_positions(self) -> None:
        new: list[MasterPosition] = []
        old: list[MasterPosition] = []
        for key in self.changed_positions:
            row = self.position_rows.get(key)
            (new if row is None else old).append(mapping.position_row(row, key, self.positions[key]))
        insert_rows(MasterPosition, new)
        fields = ["state", "ticket", "lots", "sl", "tp", "price", "expiry"]
        send_update(MasterPosition, old, fields)

    def _write_copies(self) -> None:
        # A copy of this batch is written whole, with whatever followed in the same batch.
        created = {id(copy) for copy in self.new_copies}
        changed = [copy for name, copy in self.changed_copies.items() if name not in created]
        send_update(Copy, changed, leading.LED_TO)
