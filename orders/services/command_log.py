"""The command log of a follower: the one place that takes numbers, makes commands and notes them for delivery.

A number that was taken and not written would be a hole in the log, and one that was taken without the account's lock
could be given twice. So whoever adds commands opens the log first: that locks the accounts' rows, in the order of their
ids, and what it hands out (`LockedAccount`) is the proof. It asks for the caller's transaction.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy as copied
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Max, QuerySet

from orders.domain.copies.legs import Order
from orders.domain.states.commands import CommandState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.commands import MAX_COPY_NO
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command, Copy, Difference, Subscription
from orders.queries import frame_of, log_frame, shared_fields
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import insert_rows, send_update
from sessions_app.models.fields import new_id
from sessions_app.models.light import Fetch, record
from sessions_app.models.statements import Place
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.recovery import COPY_NUMBERS_LOW
from sessions_app.services.operations import alerts

_COUNTERS: Final = ("next_seq", "next_copy_no", "next_hold")
_LOCK: Final = object()
UNUSED: Final = frozenset({"created_at", "suspended_at"})  # what no log asks for, and every batch would read
# Nor what neither reports ask for, nor what they lead to.
UNREPORTED: Final = UNUSED | {
    "tenant_id", "account_id", "claimed_as", "intent_rate", "free_margin", "overrides",
    "snapshot_due_at", "snapshot_reason", "needs_snapshot",
}  # fmt: skip
_Attempts = dict[tuple[UUID, int, str], int]


class LockedAccount:
    """An account whose row the running transaction has locked. Only `open_log` makes one."""

    __slots__ = ("row",)

    def __init__(self, row: BrokerAccount, *, proof: object) -> None:
        if proof is not _LOCK:
            raise TypeError("open_log() locks accounts; nobody else can say that one is locked")
        self.row = row

    @property
    def holds(self) -> bool:
        """Whether its commands get no number yet: it has never been authenticated."""
        return self.row.fence == 0

    def take_copy_number(self, now: datetime) -> int:
        """The account's next copy number. From 90 % on an operator is called, at every percent."""
        number = self.row.next_copy_no
        self.row.next_copy_no += 1
        # Numbers are never given twice. At one copy a minute they last for thirty years, but not at a thousand.
        if number >= COPY_NUMBERS_LOW and (number - COPY_NUMBERS_LOW) % (MAX_COPY_NO // 100) == 0:
            text = f"{number} of {MAX_COPY_NO} copy numbers are used"
            alerts.raise_alert(code=AlertCode.COPY_NUMBERS_LOW, text=text, now=now, account_pk=self.row.id)
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a command comes of: a decision or a difference; when that happened; the next attempt of which it is.

    `decided_on`: the pending session whose InitRequest the decision used.
    """

    occurred_at: datetime
    received_at: datetime
    decision_id: UUID | None = None
    difference: Difference | None = None
    decided_on: UUID | None = None
    attempt: int = 1


class _Pattern(NamedTuple):
    """What all commands of one order share: their row, to be copied, and the end of their payloads."""

    order: Order
    command: Command
    shared: bytes


class _Made(NamedTuple):
    """A new command, its account, its copy's number, and the end of its payload."""

    account: LockedAccount
    command: Command
    copy_no: int | None
    shared: bytes


@dataclass(slots=True)
class CommandLog:
    """What one transaction adds to the logs of some accounts.

    Commands are numbered in the order in which they are made, and written by `write`, with the accounts' counters.
    """

    now: datetime
    accounts: Mapping[UUID, LockedAccount]
    _unwritten: list[_Made] = field(default_factory=list)
    _patterns: dict[int, _Pattern] = field(default_factory=dict)
    # By the objects: the hash of a UUID is Python, and each follower's would be asked for ten times.
    _numbered: set[LockedAccount] = field(default_factory=set)

    def row(self, account_pk: UUID) -> BrokerAccount:
        """A locked account's row."""
        return self.accounts[account_pk].row

    @property
    def rows(self) -> dict[UUID, BrokerAccount]:
        """All locked accounts' rows."""
        return {account_pk: account.row for account_pk, account in self.accounts.items()}

    # Making commands -------------------------------------------------------------------------------------------------

    def add(
        self, *, copy: Copy, order: Order, cause: Cause, account: LockedAccount | None = None, **otherwise: Any
    ) -> None:
        """The command of one order: the next in its account's log, or held while the account is pending.

        `account`: the copy's, where the caller has it at hand. `otherwise`: columns that shall differ from what the
        order says.
        """
        account = account or self.accounts[copy.account_id]
        pattern = self._pattern(order, copy.position_id)
        command = copied(pattern.command)
        command.id, command.frame_id = new_id(), new_id()
        command.account_id, command.copy_id, command.position_id = copy.account_id, copy.id, copy.position_id
        command.decision_id, command.attempt, command.epoch = cause.decision_id, cause.attempt, account.row.epoch
        command.difference_id = cause.difference.id if cause.difference is not None else None
        command.occurred_at, command.received_at = cause.occurred_at, cause.received_at
        for name, value in otherwise.items():
            setattr(command, name, value)
        if account.holds:
            command.state, command.hold_no = CommandState.HELD, account.row.next_hold
            command.decided_on_id = cause.decided_on
            account.row.next_hold += 1
            self._numbered.add(account)
        else:
            command.state = CommandState.QUEUED
            self._number(command, account)
        # The pattern's own serves the first attempt of what no other column tells apart.
        plain = not otherwise and cause.attempt == 1 and copy.position_id == pattern.command.position_id
        shared = pattern.shared if plain else shared_fields(command)
        self._unwritten.append(_Made(account, command, copy.copy_no, shared))

    def _pattern(self, order: Order, position_id: int) -> _Pattern:
        """The followers of one class share their order's object, and so what follows from it alone."""
        known = self._patterns.get(id(order))
        if known is None:
            command = record(
                Command,
                leg=order.leg,
                action=order.action,
                position_id=position_id,
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
                decided_at=self.now,
            )
            # With the order: what is found by its identity must not be gone when the next one comes.
            known = self._patterns[id(order)] = _Pattern(order, command, shared_fields(command))
        return known

    def release(self, command: Command) -> None:
        """A held command gets its number. It is written already: the caller writes what has changed of it."""
        account = self.accounts[command.account_id]
        command.epoch = account.row.epoch
        self._number(command, account)

    def take_copy_number(self, account: LockedAccount) -> int:
        """An account's next copy number."""
        self._numbered.add(account)
        return account.take_copy_number(self.now)

    def _number(self, command: Command, account: LockedAccount) -> None:
        command.seq = account.row.next_seq
        account.row.next_seq += 1
        self._numbered.add(account)

    # Writing ---------------------------------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write what is not written yet, with the counters, and note the numbered ones for delivery."""
        # A log may be written more than once in one transaction, by two services after each other.
        commands, self._unwritten = self._unwritten, []
        insert_rows(Command, [made.command for made in commands])
        # In the order of ids, as everybody locks them.
        changed = sorted((account.row for account in self._numbered), key=attrgetter("id"))
        send_update(BrokerAccount, changed, _COUNTERS)
        self._numbered.clear()
        for account, command, copy_no, shared in commands:
            if command.seq is not None:
                # Whose these numbers are: the row is locked, so no session takes over before the commit.
                batch.fences[account.row.id] = account.row.fence
                batch.append(account.row.id, [frame_of(command, copy_no or 0, shared)])
        # What others have noted for these accounts.
        if len(batch.fences) < len(batch.log):
            batch.fences |= {pk: self.row(pk).fence for pk in batch.log.keys() & self.accounts.keys()}


def note(commands: Iterable[Command], batch: Batch) -> None:
    """Numbered commands that were stored before go out after the commit, in their order."""
    for command in commands:
        if command.seq is not None:
            batch.append(command.account_id, [log_frame(command)])


@requires_transaction
def open_log(account_pks: Collection[UUID], *, now: datetime) -> CommandLog:
    """Lock these accounts, in the order that every writer keeps; inside the caller's transaction."""
    return _log(_ACCOUNTS.read(accounts=account_pks), now)


@requires_transaction
def send_for_log(*, followers_of: Collection[UUID]) -> Callable[[datetime], CommandLog]:
    """Lock the accounts that follow these masters, whatever the state of their subscriptions but off; what is called,
    with the batch's clock, opens their log. Reads that are sent behind it see what the lock has waited for.
    """
    locked = _FOLLOWERS.send(masters=followers_of)
    return lambda now: _log(locked.read(), now)


@requires_transaction
def send_for_accounts(account_pks: Collection[UUID]) -> Callable[[datetime], CommandLog]:
    """Lock these accounts, as above; what is called opens their log. Its rows have what reports ask for."""
    locked = _REPORTED.send(accounts=account_pks)
    return lambda now: _log(locked.read(), now)


def _log(rows: Collection[BrokerAccount], now: datetime) -> CommandLog:
    return CommandLog(now=now, accounts={row.id: LockedAccount(row, proof=_LOCK) for row in rows})


def _locked() -> "QuerySet[BrokerAccount]":
    # `no_key`: rows that only refer to the account, such as frames and events, may be inserted meanwhile.
    return BrokerAccount.objects.select_for_update(no_key=True).order_by("id")


def _followers() -> "QuerySet[BrokerAccount]":
    flowing = Subscription.objects.filter(strategy__master__among=Place("masters")).exclude(state=SubscriptionState.OFF)
    return _locked().filter(id__in=flowing.values_list("follower_id"))


_ACCOUNTS: Final = Fetch(lambda: _locked().filter(id__among=Place("accounts")), without=UNUSED)
_REPORTED: Final = Fetch(lambda: _locked().filter(id__among=Place("accounts")), without=UNREPORTED)
_FOLLOWERS: Final = Fetch(_followers, without=UNUSED)


class Attempts:
    """How often each leg's action was ordered for one cause, a decision or a difference: the one place that numbers
    attempts. `column`: which of the two these causes are; read in one statement, and none where there is no cause.
    """

    def __init__(self, causes: Collection[UUID | None], *, column: str = "decision") -> None:
        self._last: _Attempts = {}
        known = [cause for cause in causes if cause is not None]
        if not known:
            return
        issued = Command.objects.filter(**{f"{column}__among": known}).values_list(f"{column}_id", "leg", "action")
        for cause, leg, action, last in issued.annotate(Max("attempt")):
            self._last[cause, leg, action] = last

    def has(self, cause: UUID) -> bool:
        """Whether anything was ordered for it."""
        return any(known == cause for known, *_ in self._last)

    def next(self, cause: UUID, order: Order) -> int:
        """The number of the next attempt at this."""
        key = (cause, order.leg, order.action.value)
        self._last[key] = self._last.get(key, 0) + 1
        return self._last[key]


def follow_up(
    log: CommandLog, wanted: Sequence[tuple[Copy, Order]], under: Mapping[tuple[UUID, str], UUID] | None = None
) -> None:
    """Commands that no intent has asked for, each as the next attempt of what was decided.

    `under`: the decision that asked for such an action of such a copy last; where there is none, the one that opened
    the copy.
    """
    asked = under or {}
    opened = Command.objects.filter(copy__among=[copy.id for copy, _ in wanted], action__in=ADDS_EXPOSURE)
    # Under the decision that opened the copy: that is where a person looks for what became of it.
    decisions = dict(opened.filter(decision__isnull=False).values_list("copy_id", "decision_id"))
    attempts = Attempts([*decisions.values(), *asked.values()])
    for copy, order in wanted:
        decision_id = asked.get((copy.id, order.action.value), decisions[copy.id])
        attempt = attempts.next(decision_id, order)
        cause = Cause(occurred_at=log.now, received_at=log.now, decision_id=decision_id, attempt=attempt)
        log.add(copy=copy, order=order, cause=cause)
