"""What a terminal holds, as a snapshot tells it: one book of positions and working orders, read at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from orders.domain.wire.commands import MAX_COPY_NO, copy_number
from orders.domain.wire.intents import Side
from orders.domain.wire.snapshots import HeldOrder, HeldPosition, Quote, SyncSnapshot, history_start

MAX_ITEMS: Final = 10_000
MOST_LOST: Final = 100_000
"""Copy numbers that a database set back may have given and forgotten. A magic number of our range that lies further
ahead is an expert advisor's own: times of 2017 are two million and more."""
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """One position, or one working order. Stops that are not set are 0. `filling`: the rest of its order still works
    under the same magic number.
    """

    ticket: int
    symbol: str
    side: Side
    lots: Decimal
    price: Decimal | None = None
    sl: Decimal = _NONE
    tp: Decimal = _NONE
    magic: int | None = None
    parent_ticket: int | None = None
    working: bool = False
    filling: bool = False

    @property
    def copy_no(self) -> int | None:
        """The copy that its magic number marks; None for what is not ours."""
        return copy_number(self.magic)


@dataclass(frozen=True, slots=True)
class Book:
    """`taken_at`: when it was read, on our clock. `applied_seq`: the last command whose outcome is in it.

    `history_from`: how far back the terminal sees what has ended; None when it does not say. `incomplete`: it may lack
    lines, so that what it does not show may be there.
    """

    taken_at: datetime
    applied_seq: int = 0
    history_from: datetime | None = None
    held: Sequence[Held] = ()
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    incomplete: bool = False

    @property
    def top_copy_no(self) -> int:
        """The highest copy number in it; 0 without one."""
        return max((item.copy_no or 0 for item in self.held), default=0)

    def covers(self, since: datetime) -> bool:
        """Whether the absence of something that may have begun then means anything."""
        return self.history_from is None or self.history_from <= since


def read_book(snapshot: SyncSnapshot, *, taken_at: datetime, next_copy_no: int = MAX_COPY_NO) -> Book:
    """The book in a whole report. A ticket stands in it once: an order that is a position as well has just filled.

    `next_copy_no`: the account's own. Magic numbers far beyond it are no copies of ours: see MOST_LOST.
    """
    beyond = next_copy_no + MOST_LOST
    # A terminal reads its orders first: one that has filled between the two looks stands in both lists.
    rows: tuple[HeldPosition | HeldOrder, ...] = (*snapshot.working_orders, *snapshot.positions)
    held = {item.ticket: item for item in (_held(row, beyond) for row in rows)}
    return Book(
        taken_at=taken_at,
        applied_seq=snapshot.applied_server_seq,
        history_from=history_start(snapshot.history_from),
        held=list(held.values()),
        quotes={quote.symbol: quote for quote in snapshot.quotes},
        incomplete=snapshot.incomplete,
    )


def _held(item: HeldPosition | HeldOrder, beyond: int) -> Held:
    ours = (copy_number(item.magic) or 0) < beyond
    return Held(
        ticket=item.ticket,
        symbol=item.symbol,
        side=item.side,
        lots=item.lots,
        price=item.price,
        sl=item.sl or _NONE,
        tp=item.tp or _NONE,
        magic=item.magic if ours else None,
        parent_ticket=item.parent_ticket if isinstance(item, HeldPosition) else None,
        working=isinstance(item, HeldOrder),
    )


def is_usable(snapshot: SyncSnapshot) -> bool:
    """Whether a report says anything: a terminal without its broker, or an empty book without a balance, does not."""
    # A terminal without its broker shows an empty book, and everything would be missing.
    if not snapshot.connected:
        return False
    return snapshot.same or bool(snapshot.positions or snapshot.working_orders) or snapshot.balance is not None


def place(snapshot: SyncSnapshot) -> tuple[object, int, int]:
    """(name of the set, number, of how many) of one part."""
    return (snapshot.request_id, snapshot.digest, snapshot.hash), snapshot.n, snapshot.of


def weight(snapshot: SyncSnapshot) -> int:
    """How many items one part carries."""
    return len(snapshot.positions) + len(snapshot.working_orders) + len(snapshot.quotes)


def join(parts: Sequence[SyncSnapshot]) -> SyncSnapshot:
    """The whole report. The oldest part's figures hold: what changed while it was told is not compared."""
    told = [part for part in parts if part.balance is not None]
    return replace(
        parts[0],
        n=1,
        of=1,
        # If the broker was lost on the way, what the later parts do not show may be there all the same.
        connected=all(part.connected for part in parts),
        incomplete=any(part.incomplete for part in parts),
        balance=told[0].balance if told else None,
        history_from=next((part.history_from for part in parts if part.history_from), None),
        positions=[item for part in parts for item in part.positions],
        working_orders=[item for part in parts for item in part.working_orders],
        quotes=[item for part in parts for item in part.quotes],
    )
