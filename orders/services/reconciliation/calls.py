"""A person is called for what a book shows and must not hold, and for what it lacks; the call ends with the fact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from orders.domain.copies.positions import PositionState
from orders.domain.states.copies import CopyState
from orders.domain.states.differences import STANDING, DifferenceState
from orders.domain.states.reasons import CloseCause, DifferenceReason
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models import Difference, MasterPosition
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import BrokerAccount
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import alerts
from sessions_app.services.operations.history import GATEWAY

_MUST_NOT_BE: Final = frozenset({DifferenceKind.WRONG_SIDE, DifferenceKind.EXTRA})
_NOT_SET: Final = frozenset({DifferenceReason.NOTIFY, DifferenceReason.PRICE_GATE})
_UNDECIDED: Final = frozenset({DifferenceState.OPEN, DifferenceState.HELD})


@requires_transaction
def call(account: BrokerAccount, new: Sequence[Difference], now: datetime) -> None:
    """Call for the new ones of a book's differences; end the call when nothing stands any more that one is called for.

    `new` are written, with their history.
    """
    about = str(account.id)
    adopted = any(row.state == DifferenceState.ADOPTED and row.kind == DifferenceKind.MISSING for row in new)
    lacked = _lacked(account) if adopted else frozenset()
    told = [row for row in new if _is_alarming(row) or row.id in lacked]
    if told:
        first = told[0]
        text = f"{first.kind} {first.symbol} {first.subject}: expected {first.expected}, found {first.actual}"
        others = f", and {len(told) - 1} more" if len(told) > 1 else ""
        alerts.raise_alert(
            code=AlertCode.BOOK_DIFFERS, text=text + others, now=now, account_pk=account.id, subject=about
        )
    elif alerts.stands(AlertCode.BOOK_DIFFERS, about):
        rows = Difference.objects.filter(account=account, state__in=STANDING)
        if not any(_is_alarming(row) for row in rows) and not _lacked(account):
            alerts.resolve(codes=[AlertCode.BOOK_DIFFERS], subjects=[about], now=now)


def _is_alarming(row: Difference) -> bool:
    """Whether it is about a position on the wrong side, one too many, a copy with more lots than were ordered, one that
    is not there, or one without its stop loss that nobody sets: by the policy, or because the market has passed it."""
    # What a master's book lacks is told by an alert of its own.
    missing = row.kind == DifferenceKind.MISSING and row.copy_id is not None
    bare = row.kind == DifferenceKind.STOPS_DRIFT and row.severity == DifferenceSeverity.MAJOR
    if bare and row.state == DifferenceState.OPEN and row.reason in _NOT_SET:
        return row.copy is not None and row.copy.state == CopyState.OPEN
    if row.kind == DifferenceKind.WRONG_LOTS:  # fewer are the follower's own doing, and taken over
        return row.severity == DifferenceSeverity.MAJOR and row.state != DifferenceState.ACCEPTED
    return row.kind in _MUST_NOT_BE or (missing and row.state in _UNDECIDED)


def _lacked(account: BrokerAccount) -> frozenset[UUID]:
    """The differences about copies that were taken for gone without anybody's word, while their master's position is
    open: the follower does not hold what he should.
    """
    open_at_master = MasterPosition.objects.filter(
        account=OuterRef("copy__subscription__strategy__master"), position_id=OuterRef("copy__position_id")
    ).exclude(state=PositionState.CLOSED)
    rows = Difference.objects.filter(
        Exists(open_at_master),
        account=account,
        kind=DifferenceKind.MISSING,
        state=DifferenceState.ADOPTED,
        events__to_state=DifferenceState.ADOPTED,
        events__actor=GATEWAY.name,
        copy__state=CopyState.CLOSED,
        copy__close_cause=CloseCause.GONE,
        copy__lifted_at__isnull=True,
    )
    return frozenset(rows.values_list("id", flat=True))
