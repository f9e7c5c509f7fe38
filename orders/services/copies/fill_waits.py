"""Pending orders that filled on the master's side only: the stored deadlines, and what reports say afterwards.

Every writer holds the follower's row lock, so that the deadline, the follower's reports and the master's next intent
come one after the other. A deadline is a row: it survives every process, and whoever sweeps first carries it out.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from orders.domain.copies.desired import cancelling
from orders.domain.copies.fill_waits import CALL_AFTER, Reopening, after_report, at_deadline, reopen, wait_again
from orders.domain.copies.legs import Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.specs import grid_of
from orders.domain.decision.inputs import Terminal
from orders.domain.decision.pipeline import readable
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code, Denied
from orders.domain.states.fill_waits import CANCELLED, OPEN, WaitState
from orders.domain.states.reasons import CloseCause, ReportFlag, WaitCode
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from orders.domain.wire.reports import ExecutionReport, ReportStatus
from orders.models import Copy, FillWait, MasterPosition
from orders.services import mapping, moves
from orders.services.command_log import Attempts, Cause, CommandLog, open_log
from orders.services.copies import leading
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.models.bulk import insert_rows, update_rows
from sessions_app.models.statements import Place, Statement, moment
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import alerts

_FILLS: Final = frozenset({ReportStatus.FILLED, ReportStatus.PARTIALLY_FILLED})
_NONE: Final = Decimal(0)
_FIRST_STEPS: Final = 10
_LATEST_STEPS: Final = 20
_MOST_TRIES: Final = 10_000
_OVER: Final = ("state", "close_cause", "closed_at", "lots_decided", "master_lots", "next_check_at", "wait_reason")
_COLUMNS: Final = ("state", "due_at", "tries", "code", "steps", "settled_at")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Waits:
    """The waits of some copies, with what their ends depend on, and what has been ordered for them."""

    by_copy: dict[UUID, FillWait]
    log: CommandLog
    positions: Mapping[tuple[UUID, int], Position] = field(default_factory=dict)
    legs: dict[tuple[UUID, int], list[Copy]] = field(default_factory=dict)
    attempts: Attempts | None = None
    terminals: Mapping[UUID, Terminal] = field(default_factory=dict)
    changed: dict[UUID, FillWait] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    calls: list[alerts.Call] = field(default_factory=list)
    over: list[Copy] = field(default_factory=list)

    @classmethod
    def load(cls, found: Collection[FillWait], log: CommandLog, known: Collection[Copy] = ()) -> "Waits":
        """Everything about these waits, in a fixed number of reads; none if there are none. Of the copies that are
        `known` the caller's objects are kept: he may have changed them.
        """
        if not found:
            return cls({}, log)
        numbers = {wait.copy.position_id for wait in found}
        masters = {wait.copy.subscription.strategy.master_id for wait in found}
        # More rows than needed where two masters share a number; fewer statements than one for each pair.
        followed = MasterPosition.objects.filter(account__in=masters, position_id__in=numbers)
        objects = {copy.id: copy for copy in (*known, *(wait.copy for wait in found))}
        legs: dict[tuple[UUID, int], list[Copy]] = defaultdict(list)
        for row in Copy.objects.filter(
            subscription__in={wait.copy.subscription_id for wait in found}, position_id__in=numbers
        ).order_by("leg"):
            legs[row.subscription_id, row.position_id].append(objects.get(row.id, row))
        return cls(
            by_copy={wait.copy_id: wait for wait in found},
            log=log,
            positions={(row.account_id, row.position_id): mapping.position(row) for row in followed},
            legs=legs,
            attempts=Attempts({wait.decision_id for wait in found}),
            terminals=mapping.terminals(account.profile_id for account in log.rows.values()),
        )

    def position(self, copy: Copy) -> Position | None:
        return self.positions.get((copy.subscription.strategy.master_id, copy.position_id))

    # A deadline ----------------------------------------------------------------------------------------------------

    def come_due(self, wait: FillWait) -> None:
        """The time is over: cancel the working order if it still works and is still wanted."""
        copy, position = wait.copy, self.position(wait.copy)
        after = at_deadline(mapping.leg(copy), position)
        if after is WaitState.REOPENED and position is not None:
            self._reopen(wait, copy, position, {"dropped": copy.close_cause})
            return
        if after is WaitState.ENDED:
            self._end(wait, copy, step="deadline")
            return
        if after is WaitState.CANCELLING:
            # Counted as far as its column reaches, with room: a broker may refuse every minute for weeks.
            wait.tries = min(wait.tries + 1, _MOST_TRIES)
            # Should it fill before the cancel arrives, the position is there that was wanted.
            self._order(wait, copy, cancelling(mapping.leg(copy), keep_filled=True))
        code = wait.code if after is WaitState.CANCELLING else ""
        self._move(wait, after, step="deadline", code=code, tries=wait.tries)

    # Reports -------------------------------------------------------------------------------------------------------

    def hear(self, copy: Copy, action: Action | None, report: ExecutionReport, *, inferred: bool) -> str:
        """A report about a copy, which it has changed already; a flag for the report, or an empty text.

        `inferred`: nobody has sent it, a book proves it.
        """
        wait = self.by_copy.get(copy.id) if self.by_copy else None
        if wait is None:
            return ""
        if wait.state == WaitState.CANCELLING:
            self._answered(wait, copy, action, report, inferred)
        # The broker said cancelled, and filled it: the position opened at market stays, this one is closed.
        elif wait.state in CANCELLED and _is_to_end(copy) and report.status in _FILLS:
            self._note(wait, step="late_fill", result="closed", lots=copy.lots_open)
            _log.warning("fill_wait.late_fill", copy_no=copy.copy_no, position_id=copy.position_id)
            return ReportFlag.FILLED_AFTER_CANCEL
        return ""

    def lose(self, copy: Copy) -> None:
        """The cancel of its working order was not carried out: it comes due at once, and is ordered again. Nobody has
        refused it, and only refusals are bounded.
        """
        wait = self.by_copy.get(copy.id)
        if wait is not None and wait.state == WaitState.CANCELLING:
            wait.due_at, wait.tries = self.log.now, wait.tries - 1
            self._move(wait, WaitState.WAITING, step="cancel", report="not_found")

    def _answered(
        self, wait: FillWait, copy: Copy, action: Action | None, report: ExecutionReport, inferred: bool
    ) -> None:
        position = self.position(copy)
        after = after_report(mapping.leg(copy), position, status=report.status, action=action, inferred=inferred)
        evidence: dict[str, Any] = {"report": report.status.value, "already": report.already}
        if after is WaitState.REOPENED and position is not None:
            self._reopen(wait, copy, position, evidence)
        elif after is WaitState.WAITING:
            self._wait_again(wait, copy, report, evidence)
        elif after is WaitState.ENDED:
            self._end(wait, copy, step="cancel", unseen=inferred, **evidence)
        elif after is not WaitState.CANCELLING:
            self._move(wait, after, step="cancel", **evidence)

    def _end(self, wait: FillWait, copy: Copy, *, step: str, unseen: bool = False, **evidence: Any) -> None:
        """Nothing is opened. Where the master still has his position, and nobody here took the order away, a person is
        told. `unseen`: a book has shown its end.
        """
        position, subscription = self.position(copy), SubscriptionState(copy.subscription.state)
        wanted = position is not None and position.state is PositionState.OPEN
        code = ""
        if wanted and subscription is SubscriptionState.ACTIVE:
            code = WaitCode.NOT_SHOWN.value if unseen else why_lost(copy)
        self._move(wait, WaitState.ENDED, step=step, code=code, **evidence)
        if code:
            text = lost_order(copy, code)
            self.calls.append(alerts.Call(AlertCode.COMMAND_MISSED, text, copy.account_id))

    def _wait_again(self, wait: FillWait, copy: Copy, report: ExecutionReport, evidence: Mapping[str, Any]) -> None:
        """The broker has refused to cancel: the order may just be filling, and is cancelled again later."""
        wait.due_at = self.log.now + wait_again(report.error_code, tries=wait.tries, span=_span(wait))
        code = WaitCode.CANCEL_REJECTED.value if wait.tries >= CALL_AFTER else ""
        self._move(wait, WaitState.WAITING, step="cancel", code=code, error_code=report.error_code, **evidence)
        if wait.tries == CALL_AFTER:
            self._call_for_refusals(wait, copy, report)

    def _call_for_refusals(self, wait: FillWait, copy: Copy, report: ExecutionReport) -> None:
        """The order works on, and nothing is opened beside it: the follower has not what his master has."""
        what = f"copy {copy.copy_no}, {copy.symbol}: its master's order has filled, its own works on"
        text = f"{what}; the broker has refused {wait.tries} times to cancel it, error {report.error_code}"
        subject = f"{copy.account_id} {WaitCode.CANCEL_REJECTED.value}"
        self.calls.append(alerts.Call(AlertCode.OPEN_REJECTED, text, copy.account_id, subject))

    def _reopen(self, wait: FillWait, copy: Copy, position: Position, evidence: Mapping[str, Any]) -> None:
        """The order is gone and nothing had filled: the position at market, unless that is denied."""
        account = self.log.row(copy.account_id)
        terminal = self.terminals.get(account.profile_id) if account.profile_id else None
        legs = self.legs[copy.subscription_id, copy.position_id]
        leg = mapping.leg(copy)
        spec = grid_of(leg, terminal.symbols if terminal else {})
        settings = copy.subscription.settings
        asked = Reopening(
            leg=leg,
            lots=wait.lots or _NONE,
            master_lots=wait.master_lots,
            position=position,
            subscription=SubscriptionState(copy.subscription.state),
            max_age=timedelta(seconds=settings.max_age_seconds),
            deviation_points=settings.deviation_points,
            spec=spec,
            filled_at=wait.decision.intent.occurred_at,
            next_leg=legs[-1].leg + 1,
            now=self.log.now,
            others=[mapping.leg(other) for other in legs if other is not copy],
        )
        try:
            order = reopen(asked)
        # The order is cancelled already; that nothing follows is a decision with its reason.
        except Denied as no:
            # As if it had been refused: no part of what was copied. What has left with the master's parts was one.
            if no.code is not Code.BELOW_MINIMUM_LOTS:
                copy.master_lots = _NONE
            self.over.append(copy)
            self._move(wait, WaitState.DENIED, step="reopen", code=no.code.value, **evidence, **no.evidence)
            return
        if copy.state in (CopyState.ORDERED, CopyState.FAILED):
            self._count_as_cancelled(copy)
        again = leading.new_copy(
            self.log,
            self.log.accounts[copy.account_id],
            subscription_pk=copy.subscription_id,
            position_id=copy.position_id,
            order=order,
            # The share of the master's lots stays with the order that it stands in for.
            master_lots=_NONE,
            spec=spec,
        )
        legs.append(again)
        self.copies.append(again)
        leading.lead(again, order)
        self._order(wait, again, order)
        self._move(wait, WaitState.REOPENED, step="reopen", leg=order.leg, lots=order.lots, **evidence)

    def _count_as_cancelled(self, copy: Copy) -> None:
        """It was never placed, as far as anybody knows: it keeps the share of the order that stands in for it."""
        moves.move_copy(copy, CopyState.CLOSED)
        copy.close_cause, copy.closed_at, copy.lots_decided = CloseCause.COMMAND, self.log.now, _NONE
        copy.next_check_at, copy.wait_reason = None, ""
        self.over.append(copy)

    # Both ----------------------------------------------------------------------------------------------------------

    def _order(self, wait: FillWait, copy: Copy, order: Order) -> None:
        """The next attempt of it: one whose outcome was unknown may have been ordered again in between."""
        intent = wait.decision.intent
        if self.attempts is None:
            raise RuntimeError("waits that were not loaded have no orders")
        cause = Cause(
            occurred_at=intent.occurred_at,
            received_at=intent.received_at,
            decision_id=wait.decision_id,
            attempt=self.attempts.next(wait.decision_id, order),
        )
        self.log.add(copy=copy, order=order, cause=cause)

    def _move(self, wait: FillWait, after: WaitState, *, step: str, code: str = "", **evidence: Any) -> None:
        moves.move_wait(wait, after)
        wait.code = code
        wait.due_at = wait.due_at if after is WaitState.WAITING else None
        wait.settled_at = None if after in OPEN else self.log.now
        self._note(wait, step=step, result=code or after.value, **evidence)

    def _note(self, wait: FillWait, *, step: str, result: str, **evidence: Any) -> None:
        noted = {"step": step, "result": result, "at": rfc3339(self.log.now), **readable(evidence)}
        # The beginning and the latest: a market may stay closed for days.
        latest = wait.steps[_FIRST_STEPS:][1 - _LATEST_STEPS :]
        wait.steps = [*wait.steps[:_FIRST_STEPS], *latest, noted]
        self.changed[wait.id] = wait


def _is_to_end(copy: Copy) -> bool:
    """Whether it has come to life after its end."""
    return copy.state == CopyState.OPEN and not copy.lots_decided


_OWN: Final = {
    Code.TOMBSTONED.value: "was deleted by hand",
    WaitCode.NOT_SHOWN.value: "is not in its terminal's book",
    WaitCode.NEVER_PLACED.value: "was never placed",
}


def why_lost(copy: Copy) -> str:
    """Why an order that is not there is not opened at market when its master's fills; empty for all others."""
    if copy.order_type == OrderType.MARKET or copy.lots_filled:
        return ""
    if copy.state == CopyState.FAILED:
        return WaitCode.NEVER_PLACED.value
    if copy.state != CopyState.CLOSED or copy.tombstoned_at is None:
        return ""
    return WaitCode.NOT_SHOWN.value if copy.close_cause == CloseCause.GONE else Code.TOMBSTONED.value


def lost_order(copy: Copy, code: str) -> str:
    """What a person is told of it."""
    return f"copy {copy.copy_no}, {copy.symbol}: its master's order has filled, its own {_OWN[code]}; it is not opened"


def _span(wait: FillWait) -> timedelta:
    return timedelta(seconds=wait.copy.subscription.settings.pending_wait_seconds)


def of_copies(copies: Collection[Copy], log: CommandLog) -> Waits:
    """The waits that reports about these copies may move; copies keep the caller's objects."""
    # Market orders never wait; most batches read nothing here.
    pending = {copy.id: copy for copy in copies if copy.order_type != OrderType.MARKET}
    states = [state.value for state in sorted({WaitState.CANCELLING, *CANCELLED})]
    loaded = list(_with_rows().filter(copy__in=list(pending), state__in=states)) if pending else []
    for wait in loaded:
        pending[wait.copy_id].subscription = wait.copy.subscription
        wait.copy = pending[wait.copy_id]
    return Waits.load(loaded, log, copies)


def _with_rows() -> "QuerySet[FillWait]":
    return FillWait.objects.select_related("copy__subscription__strategy", "decision__intent").order_by("id")


def not_begun(accounts: Collection[UUID] | Place) -> "QuerySet[FillWait]":
    """The waits of these accounts that begin when their follower is authenticated for the first time."""
    return FillWait.objects.filter(account__among=accounts, state=WaitState.WAITING.value, due_at__isnull=True)


@requires_transaction
def start(account_pk: UUID, now: datetime) -> None:
    """The follower has been authenticated for the first time: its waits begin. Inside the caller's transaction."""
    begun = list(_with_rows().filter(id__in=not_begun([account_pk]).values("id")))
    for wait in begun:
        wait.due_at = now + _span(wait)
    update_rows(FillWait, begun, ["due_at"])


def _due() -> "QuerySet[FillWait, Any]":
    due = FillWait.objects.filter(state=WaitState.WAITING, due_at__lte=moment("now"))
    return due.order_by("due_at", "id").values_list("id", "account_id")


_DUE: Final = Statement(_due)


def carry_out() -> int:
    """Carry out the deadlines that have passed, each exactly once, however many sweep. Returns how many."""
    done = 0
    # Each in its own transaction: the lock of one account is held as briefly as possible.
    for wait_pk, account_pk in _DUE.read(now=queries.database_now()):
        try:
            done += _carry_out(wait_pk, account_pk)
        except Exception:  # noqa: BLE001 - one wait's failure must not hold up the others; the next sweep tries again
            _log.exception("fill_wait.failed", wait_pk=str(wait_pk), account_pk=str(account_pk))
    return done


def _carry_out(wait_pk: UUID, account_pk: UUID) -> int:
    """One deadline in a transaction of its own; 0 if somebody else has carried it out."""
    with transaction.atomic(durable=True):
        log = open_log([account_pk], now=queries.database_now())
        batch = Batch(now=log.now)
        # Read again under the lock: another process may have been first.
        due = list(_with_rows().filter(id=wait_pk, state=WaitState.WAITING, due_at__lte=log.now))
        waits = Waits.load(due, log)
        for wait in due:
            waits.come_due(wait)
        write(waits)
        log.write(batch)
    ring_after_commit(batch)
    return len(due)


def write(waits: Waits) -> None:
    """The waits and the new copies, and whom they call; the caller writes the log."""
    insert_rows(Copy, waits.copies)
    update_rows(Copy, waits.over, _OVER)
    update_rows(FillWait, waits.changed.values(), _COLUMNS)
    alerts.raise_alerts(waits.calls, waits.log.now)
