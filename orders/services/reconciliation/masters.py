"""Masters' books: what their terminals did while their EA was away becomes the intents that it would have sent.

Whoever calls has the master's account locked, and his followers'.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import structlog

from orders.domain.copies.positions import PositionState
from orders.domain.reconciliation.books import Book, Held
from orders.domain.reconciliation.masters import SECOND_LOOK, Told, compare_master, ended
from orders.domain.states.differences import STANDING, DifferenceState
from orders.domain.wire.intents import ADDS_EXPOSURE, OrderIntent, Side
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models import Difference, DifferenceEvent, Intent, MasterPosition, Strategy
from orders.services import mapping, moves
from orders.services.intents import order_intents
from orders.services.reconciliation import differences
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import plain
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import insert_rows, update_rows
from sessions_app.models.fields import new_id
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.operations import alerts, configuration
from sessions_app.services.operations.history import GATEWAY

INTENTS: Final = UUID("0d1f6a63-0c0b-5c62-9b63-0c9c2f6f3f10")
_log = structlog.get_logger(__name__)


@requires_transaction
def follow(
    account: BrokerAccount, book: Book, standing: Sequence[Difference], arrival: Arrival, batch: Batch
) -> datetime | None:
    """Compare a master's book with the positions that he told of, and make up for what he did not tell. Returns when to
    look again for those that are missing, if any are. `standing`: the differences about his positions.
    """
    if not Strategy.objects.filter(master=account).exists():
        return None
    rows = _standing(account, book.taken_at)
    look_at = _compare(account, book, rows, arrival, batch) if rows else None
    _end_what_is_over(account, standing, batch.now)
    return look_at


def _compare(
    account: BrokerAccount, book: Book, rows: Mapping[int, MasterPosition], arrival: Arrival, batch: Batch
) -> datetime | None:
    told = _told(account, rows.values())
    found = compare_master(book, told)
    # A book that lacks lines proves no absence.
    if book.incomplete:
        found.missing, found.gone = [], []
    MasterPosition.objects.filter(account=account, position_id__in=found.missing).update(missing_since=book.taken_at)
    MasterPosition.objects.filter(account=account, position_id__in=found.seen).update(missing_since=None)
    for one, item in found.grown:
        _call_for_netting(account, one, item, batch.now)
    closes = _released(account, found.gone, batch.now)
    tell(account, [*found.intents, *map(ended, closes)], arrival, batch)
    looks = [book.taken_at] if found.missing else []
    looks += [one.missing_since for one in told if one.missing_since is not None and one.position_id not in found.seen]
    # What was gone at the second look needs no third one.
    return min((at + SECOND_LOOK for at in looks if at + SECOND_LOOK > book.taken_at), default=None)


def _end_what_is_over(account: BrokerAccount, standing: Sequence[Difference], now: datetime) -> None:
    """End what waited for a person: positions that a book has shown again, or that have ended. The call ends with the
    last of them, or with a person's word about it."""
    if not standing:
        return
    missing = MasterPosition.objects.filter(account=account, missing_since__isnull=False)
    missing = missing.exclude(state=PositionState.CLOSED)
    still = {subject(position_id) for position_id in missing.values_list("position_id", flat=True)}
    over = [row for row in standing if row.subject not in still]
    events = []
    for row in over:
        before = DifferenceState(row.state)
        moves.move_difference(row, DifferenceState.GONE)
        row.seen_at = row.closed_at = now
        events.append(differences.event(row, before, "", GATEWAY, now))
    update_rows(Difference, over, ("state", "seen_at", "closed_at"))
    insert_rows(DifferenceEvent, events)
    if not any(row.state == DifferenceState.HELD for row in standing):
        alerts.resolve(codes=[AlertCode.MASTER_NOT_RECONCILED], subjects=[str(account.id)], now=now)


def _call_for_netting(account: BrokerAccount, one: Told, item: Held, now: datetime) -> None:
    """Nothing of what he has added is copied: somebody has to know."""
    told = f"{one.side or ''} {plain(one.position.lots or item.lots)}".strip()
    text = f"position {one.position_id}: {item.side} {plain(item.lots)} in his book, {told} by his word"
    code, subject = AlertCode.MASTER_NETTING, f"netting {account.id}"
    alerts.raise_alert(code=code, text=text, now=now, account_pk=account.id, subject=subject)


@requires_transaction
def tell(account: BrokerAccount, intents: Sequence[OrderIntent], arrival: Arrival, batch: Batch) -> None:
    """Take intents that nobody has sent; the same again, from the same positions, are repeats."""
    if not intents:
        return
    _log.warning("master.made_up", account=account.account_id, actions=[intent.action.value for intent in intents])
    made = [
        Arrival(
            session_id=arrival.session_id,
            account_pk=account.id,
            fence=account.fence,
            kind="OrderIntent",
            # An account's intents have one frame each: the intents of one book get ids that follow from its frame.
            frame_id=uuid5(INTENTS, f"{account.id} {intent.position_id} {intent.action} {arrival.frame_id}"),
            seq=None,
            payload=intent,
            digest=b"",
            heard=0.0,
            received_at=arrival.at,
            fate=Fate.APPLY,
        )
        for intent in intents
    ]
    order_intents.accept(made, batch)


@requires_transaction
def close_missing(account: BrokerAccount, rows: Sequence[Difference], session_id: UUID, batch: Batch) -> None:
    """A person has said that these positions of a master are gone: their copies are closed."""
    about = {row.subject: row for row in rows if is_about_master(row)}
    if not about:
        return
    alerts.resolve(codes=[AlertCode.MASTER_NOT_RECONCILED], subjects=[str(account.id)], now=batch.now)
    standing = MasterPosition.objects.filter(account=account).exclude(state=PositionState.CLOSED)
    gone = [one for one in _told(account, standing) if subject(one.position_id) in about]
    tell(account, [ended(one) for one in gone], _arrival(account, session_id, batch.now), batch)


def subject(position_id: int) -> str:
    """What a difference about a master's position is called."""
    return f"position {position_id}"


def is_about_master(row: Difference) -> bool:
    """Whether it is about what the account did as a master, and not about a copy of it."""
    return row.subject.startswith("position ")


def _arrival(account: BrokerAccount, session_id: UUID, now: datetime) -> Arrival:
    """What a person says comes under the session whose book he has looked at."""
    return Arrival(
        session_id=session_id, account_pk=account.id, fence=account.fence, kind="OrderIntent", frame_id=new_id(),
        seq=None, payload=None, digest=b"", heard=0.0, received_at=now,
    )  # fmt: skip


def _standing(account: BrokerAccount, taken_at: datetime) -> dict[int, MasterPosition]:
    """The positions that have not ended, but for those of which he has told since the book was read."""
    newer = Intent.objects.filter(account=account, received_at__gt=taken_at).values("position_id")
    rows = MasterPosition.objects.filter(account=account).exclude(state=PositionState.CLOSED)
    return {row.position_id: row for row in rows.exclude(position_id__in=newer)}


def _told(account: BrokerAccount, rows: Iterable[MasterPosition]) -> list[Told]:
    known = {row.position_id: row for row in rows}
    # Backwards, so that the first intent has the last word: a later close may name no readable symbol.
    first = Intent.objects.filter(account=account, position_id__in=list(known)).order_by("-id")
    symbols = dict(first.values_list("position_id", "symbol"))
    opened = first.filter(action__in=[action.value for action in ADDS_EXPOSURE])
    sides = dict(opened.values_list("position_id", "content__side"))
    return [
        Told(key, symbols[key], mapping.position(row), row.missing_since, Side(sides[key]) if sides.get(key) else None)
        for key, row in known.items()
        if key in symbols
    ]


def _released(account: BrokerAccount, gone: Sequence[Told], now: datetime) -> Sequence[Told]:
    """Those whose copies are closed now. Too many at once are held for a person, as with a follower's book."""
    standing = Difference.objects.filter(account=account, kind=DifferenceKind.MISSING, state__in=STANDING)
    held = {row.subject for row in standing if is_about_master(row)}
    new = [one for one in gone if subject(one.position_id) not in held]
    if not held and len(new) <= configuration.number("mass_close_gate", account):
        return new
    rows = [_held(account, one, now) for one in new]
    insert_rows(Difference, rows)
    insert_rows(DifferenceEvent, [differences.event(row, None, "", GATEWAY, now) for row in rows])
    if rows:
        text = f"{len(rows)} positions are gone from the master's book; their copies stay open until somebody decides"
        alerts.raise_alert(code=AlertCode.MASTER_NOT_RECONCILED, text=text, now=now, account_pk=account.id)
    return []


def _held(account: BrokerAccount, one: Told, now: datetime) -> Difference:
    return Difference(
        id=new_id(),
        account=account,
        kind=DifferenceKind.MISSING,
        severity=DifferenceSeverity.CRITICAL,
        state=DifferenceState.HELD,
        subject=subject(one.position_id),
        symbol=one.symbol,
        ticket=one.position.ticket,
        expected=plain(one.position.lots) if one.position.lots is not None else "a position",
        actual="nothing",
        opened_at=now,
        seen_at=now,
    )
