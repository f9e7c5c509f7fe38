"""Reads of what is traded."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, reduce
from itertools import groupby
from operator import attrgetter, itemgetter, or_
from typing import Any, Final
from uuid import UUID, uuid5

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from orders.domain.states.commands import SENDABLE, CommandState
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.differences import DifferenceState, may_decide
from orders.domain.states.reasons import CommandReason
from orders.domain.statistics.statement import Trade, summarise
from orders.domain.wire.commands import OrderCommand, magic_of
from orders.domain.wire.intents import ACCOUNT_CAUSES, Action, Cause, OrderType, Side
from orders.domain.wire.reports import ReportStatus
from orders.domain.wire.snapshots import (
    MAY_BE_SAME,
    DifferenceKind,
    SnapshotPhase,
    SyncSnapshot,
)
from orders.models import Command, Copy, Difference, Report, Snapshot, Subscription
from sessions_app.domain.decimals import Lots, Price, to_json
from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import GapFill, GapReason, SubscriptionSummary
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import new_id
from sessions_app.models.statements import Place, Statement, together
from sessions_app.services.ingest.ports import LogPage, Summaries

SUMMARIES: Final = 200
_BALANCE_CAUSES = (Cause.DEPOSIT_WITHDRAWAL, Cause.CREDIT)
_GAP_REASONS = {CommandState.EXPIRED: GapReason.EXPIRED, CommandState.VOID: GapReason.VOID}


def commands_after(wanted: Mapping[UUID, tuple[int, int]]) -> dict[UUID, LogPage]:
    """Numbered frames of some accounts, each above its first number and up to its second, in order and without holes.

    What has an outcome already is not sent again, nor what may have been executed: those numbers come as a GapFill.
    An account that has none of them is left out.
    """
    if not wanted:
        return {}
    pages = _pages(wanted)
    # Nothing is there of a whole range of numbers: it was forgotten, or is not written yet.
    if missing := {pk: wanted[pk] for pk in wanted.keys() - pages.keys()}:
        pages |= _forgotten(missing)
    return pages


def _pages(wanted: Mapping[UUID, tuple[int, int]]) -> dict[UUID, LogPage]:
    ranges = (Q(account=pk, seq__gt=after, seq__lte=upto) for pk, (after, upto) in wanted.items())
    rows = Command.objects.select_related("copy").filter(reduce(or_, ranges), epoch=F("account__epoch"))
    found = rows.annotate(account_fence=F("account__fence")).order_by("account_id", "seq")
    by_account = groupby(found, key=attrgetter("account_id", "account_fence"))
    return {pk: LogPage(fence, _frames(mine, after=wanted[pk][0])) for (pk, fence), mine in by_account}


def _forgotten(missing: Mapping[UUID, tuple[int, int]]) -> dict[UUID, LogPage]:
    """One gap for each account whose numbers were deleted up to where it asks; see orders.services.copies.retention."""
    # The accounts first: a number that was acknowledged by then, and is not found afterwards, is not there any more.
    accounts = BrokerAccount.objects.filter(id__in=missing).values_list("id", "fence", "epoch", "acked_seq")
    known = [
        (pk, fence, epoch, missing[pk][0], min(missing[pk][1], acked))
        for pk, fence, epoch, acked in accounts
        if acked > missing[pk][0]
    ]
    if not known:
        return {}
    pages = _pages({pk: (after, last) for pk, _, _, after, last in known})
    for pk, fence, epoch, after, last in known:
        if pk not in pages:
            pages[pk] = LogPage(fence, [_hole(after + 1, last, epoch)])
    return pages


def _hole(first: int, last: int, epoch: UUID) -> LogFrame:
    """Numbers of a log that are forgotten, as one frame; it has the same id whenever it is told."""
    gap = GapFill(next=last + 1, reason=GapReason.SUPERSEDED)
    gap_id = uuid5(epoch, f"forgotten up to {last}")
    return LogFrame(seq=first, frame_id=gap_id, kind="GapFill", payload=to_json(gap), epoch=epoch, covers=last)


def _frames(commands: Iterable[Command], *, after: int) -> list[LogFrame]:
    frames: list[LogFrame] = []
    run: list[Command] = []
    for command in commands:
        number = command.seq or 0
        if number > after + 1:
            frames += [*_gap(run), _hole(after + 1, number - 1, command.epoch)]
            run = []
        after = number
        if CommandState(command.state) in SENDABLE:
            frames += _gap(run)
            run = []
            frames.append(log_frame(command))
        else:
            run.append(command)
    return frames + _gap(run)


def _gap(run: Sequence[Command]) -> list[LogFrame]:
    if not run:
        return []
    first, last = run[0].seq or 0, run[-1].seq or 0
    reasons = {_gap_reason(command) for command in run}
    # Numbers without a command to send are told in one frame, so that the EA's count has no hole.
    gap = GapFill(next=last + 1, reason=reasons.pop() if len(reasons) == 1 else GapReason.SUPERSEDED)
    gap_id, epoch = _gap_id(run[-1].frame_id), run[-1].epoch
    return [LogFrame(seq=first, frame_id=gap_id, kind="GapFill", payload=to_json(gap), epoch=epoch, covers=last)]


def _gap_reason(command: Command) -> GapReason:
    if command.reason == CommandReason.MISSED:
        return GapReason.EXPIRED
    return _GAP_REASONS.get(CommandState(command.state), GapReason.SUPERSEDED)


def _gap_id(last: UUID) -> UUID:
    """A gap's frame id follows from the last frame it stands for, so that an EA can name it in its Hello."""
    return uuid5(last, "gap")


def frame_at(account: str, epoch: str, seq: str) -> "Subquery[Any]":
    """The id of the command under a number, within a query that knows the account, its epoch and the number so."""
    found = Command.objects.filter(account_id=OuterRef(account), epoch=OuterRef(epoch), seq=OuterRef(seq))
    return Subquery(found.values("frame_id")[:1])


def frame_ids(frame_id: UUID) -> frozenset[UUID]:
    """The ids by which an EA may know such a frame: the command itself, or a gap that ends with it."""
    return frozenset((frame_id, _gap_id(frame_id)))


def snapshot_request(account_pk: UUID, reason: str) -> SyncSnapshot:
    """The frame that asks an EA what it holds; with the hash of what it told last, where that may do."""
    why = SnapshotReason(reason)
    known = None
    if why in MAY_BE_SAME:
        known = Snapshot.objects.filter(account_id=account_pk, pending=False).exclude(hash="")
    told = known.values_list("hash", flat=True).first() if known is not None else None
    return SyncSnapshot(phase=SnapshotPhase.REQUEST, request_id=new_id(), reason=why, hash=told)


def log_frame(command: Command) -> LogFrame:
    """A numbered command as its frame."""
    return frame_of(command, command.copy.copy_no or 0, shared_fields(command))


def frame_of(command: Command, copy_no: int, shared: bytes) -> LogFrame:
    """The same for who knows its copy's number, and what `shared_fields` says of it."""
    own = OWN_FIELDS % (str(command.id).encode(), command.action.encode(), copy_no, magic_of(copy_no))
    return LogFrame(
        seq=command.seq or 0,
        frame_id=command.frame_id,
        kind=OrderCommand.__name__,
        payload=own + shared,
        epoch=command.epoch,
    )


def shared_fields(command: Command) -> bytes:
    """The end of a command's payload: the same for all commands of one order."""
    return _shared_fields(*_shared_of(command))


# A command's payload: what is its own comes first, and the rest is the same for every follower of one class. It is
# encoded once for all of them.
OWN_FIELDS: Final = b'{"command_id":"%b","action":"%b","copy_no":%d,"magic":%d,'
SHARED: Final = (
    "position_id",
    "symbol",
    "side",
    "attempt",
    "order_type",
    "lots",
    "price",
    "deviation_points",
    "sl",
    "tp",
    "expiry",
    "valid_until",
    "lots_before",
    "lots_after",
    "ticket",
)
_shared_of: Final = attrgetter(*SHARED)
_NOBODY: Final = UUID(int=0)


@lru_cache(maxsize=256)
def _shared_fields(*values: Any) -> bytes:
    """The end of a payload, from the fields named in SHARED."""
    row = dict(zip(SHARED, values, strict=True))
    command = OrderCommand(
        command_id=_NOBODY,
        action=Action.OPEN,
        copy_no=1,
        magic=0,
        position_id=row["position_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        attempt=row["attempt"],
        order_type=OrderType(row["order_type"]),
        lots=None if row["lots"] is None else Lots(row["lots"]),
        price=None if row["price"] is None else Price(row["price"]),
        deviation_points=row["deviation_points"],
        sl=None if row["sl"] is None else Price(row["sl"]),
        tp=None if row["tp"] is None else Price(row["tp"]),
        expiry=row["expiry"] or None,
        valid_until=rfc3339(row["valid_until"]) if row["valid_until"] else None,
        lots_before=Lots(row["lots_before"] or 0),
        lots_after=Lots(row["lots_after"] or 0),
        ticket=row["ticket"],
    )
    return to_json(command).removeprefix(OWN_FIELDS % (str(_NOBODY).encode(), Action.OPEN.encode(), 1, 0))


def summaries(account_pks: Collection[UUID]) -> dict[UUID, Summaries]:
    """The subscriptions that each of these accounts has, or whose master it is: the first SUMMARIES by the strategy's
    name. Two statements, however many accounts."""
    found: dict[UUID, list[_Summarised]] = {pk: [] for pk in account_pks}
    totals: dict[tuple[UUID, str], int] = {}
    with together():
        asked = {role: statement.send(accounts=account_pks) for role, statement in _SUMMARISED.items()}
    for role, answer in asked.items():
        for account, name, pk, mode, state, total in answer.read():
            summary = SubscriptionSummary(strategy=name, role=role, mode=mode or None, state=state or None)
            found[account].append((name, pk, summary))
            totals[account, role] = total
    return {account: _summary(account, rows, totals) for account, rows in found.items()}


_Summarised = tuple[str, UUID, SubscriptionSummary]


def _summary(account: UUID, rows: list[_Summarised], totals: Mapping[tuple[UUID, str], int]) -> Summaries:
    published, copied = (totals.get((account, role), 0) for role in ("master", "follower"))
    rows.sort(key=itemgetter(0, 1))
    return Summaries(
        role="master" if published else "follower" if copied else "none",
        rows=[summary for _, _, summary in rows[:SUMMARIES]],
        total=published + copied,
    )


def _summarised(account: str) -> "QuerySet[Subscription, Any]":
    """Subscriptions of some accounts, which are found in this column: of each the first SUMMARIES, and how many."""
    rows = Subscription.objects.filter(**{f"{account}__among": Place("accounts")})
    place = Window(RowNumber(), partition_by=F(account), order_by=["strategy__name", "id"])
    total = Window(Count("*"), partition_by=F(account))
    first = rows.annotate(place=place, total=total).filter(place__lte=SUMMARIES)
    return first.values_list(account, "strategy__name", "id", "mode", "state", "total")


_SUMMARISED: Final = {
    "master": Statement(lambda: _summarised("strategy__master")),
    "follower": Statement(lambda: _summarised("follower")),
}


def open_copies(subscription_id: UUID) -> QuerySet[Copy]:
    """The copies that are positions, or will be: what has to be closed or detached before switching off."""
    alive = Copy.objects.filter(subscription_id=subscription_id, state__in=[state.value for state in sorted(ALIVE)])
    return alive.exclude(id__in=working_copies(subscription_id).values("id"))


def working_copies(subscription_id: UUID) -> QuerySet[Copy]:
    """The pending copies that have not filled as far as we know."""
    states = [CopyState.HELD, CopyState.ORDERED, CopyState.WORKING]
    return Copy.objects.filter(subscription_id=subscription_id, state__in=states).exclude(order_type=OrderType.MARKET)


def commands_of(account_pk: UUID) -> QuerySet[Command]:
    """All commands of one follower, numbered or held, with their copies."""
    return Command.objects.select_related("copy").filter(account_id=account_pk)


def reports_of(account_pk: UUID) -> QuerySet[Report]:
    """All reports of one account."""
    return Report.objects.filter(account_id=account_pk)


def booked_reports(account_pk: UUID) -> QuerySet[Report]:
    """The reports that book money: closed trades, archive rows, deposits, withdrawals, credits; in order of arrival."""
    closed = Q(status=ReportStatus.CLOSED, profit__isnull=False, already=False)
    account = Q(cause__in=[cause.value for cause in sorted(ACCOUNT_CAUSES)])
    return (
        Report.objects.select_related("copy")
        .filter(closed | account, account_id=account_pk, repeated=False)
        .order_by("id")
    )


def figures(account_pk: UUID) -> dict[str, str]:
    """An account's 23 figures as MT4 prints them, from the reports stored for it. Definitions: docs/statement.md."""
    rows = list(booked_reports(account_pk))
    trades = [_trade(row) for row in rows if row.cause not in _BALANCE_CAUSES]
    return summarise(trades, starting_balance=_starting_balance(rows), decimals=_money_decimals(account_pk))


def _trade(row: Report) -> Trade:
    return Trade(close_time=row.broker_time, ticket=row.ticket or 0, side=_side(row), net=_net(row))


def _side(row: Report) -> Side | None:
    """What was told, else the copy's; a result without a position counts as long, as MT4 has it."""
    if row.side:
        return Side(row.side)
    if row.copy is not None:
        return Side(row.copy.side)
    return Side.BUY if row.cause == Cause.ARCHIVE else None


def _net(row: Report) -> Decimal:
    return sum(
        (amount for amount in (row.profit, row.swap, row.commission, row.taxes) if amount is not None), Decimal(0)
    )


def _starting_balance(rows: Sequence[Report]) -> Decimal:
    """The first balance row's amount; without one, the balance after the first result less that result."""
    for row in rows:
        if row.cause in _BALANCE_CAUSES:
            return row.profit or Decimal(0)
    # An account that we met later than its first deposit.
    known = next((row for row in rows if row.balance is not None), None)
    return Decimal(0) if known is None or known.balance is None else known.balance - _net(known)


def _money_decimals(account_pk: UUID) -> int:
    content = BrokerAccount.objects.filter(id=account_pk).values_list("profile__content", flat=True).first()
    return int((content or {}).get("money_decimals", 2))


def open_difference(difference_id: UUID) -> Difference | None:
    """A difference that a person may accept; None if it is not open (any more), or is about a missing copy."""
    rows = Difference.objects.select_related("account").exclude(kind=DifferenceKind.MISSING)
    return rows.filter(id=difference_id, state=DifferenceState.OPEN).first()


def missing_copies(account_pk: UUID, after: DifferenceState) -> QuerySet[Difference]:
    """Differences about missing copies that a person may bring into this state."""
    states = [state for state in DifferenceState if may_decide(DifferenceKind.MISSING, state, after)]
    rows = Difference.objects.filter(account_id=account_pk, kind=DifferenceKind.MISSING, state__in=states)
    return rows.select_related("copy").order_by("id")
