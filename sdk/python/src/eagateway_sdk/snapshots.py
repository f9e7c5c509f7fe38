"""What the terminal holds, told on request: read in one go, never resent, always taken anew.

The book is read while no command is being executed, so it has the outcome of every command up to
`applied_server_seq` and of none behind it.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from eagateway_sdk.clock import rfc3339
from eagateway_sdk.context import BookSnapshot, Context
from eagateway_sdk.envelope import payload_json
from eagateway_sdk.frames import HeldOrder, HeldPosition, Quote, SnapshotPhase, SyncSnapshot
from eagateway_sdk.ids import uuid7
from eagateway_sdk.parts import pages
from eagateway_sdk.patience import within

log = logging.getLogger(__name__)

_UNREADABLE: Final = BookSnapshot(connected=False)
Line = HeldPosition | HeldOrder | Quote
_FIELDS: Final[dict[type[Line], str]] = {HeldPosition: "positions", HeldOrder: "working_orders", Quote: "quotes"}


async def take(context: Context, request: SyncSnapshot) -> list[SyncSnapshot]:
    """The report for a request, in as many chunks as it needs, each to be sent at once.

    A book that cannot be read is reported as not connected, which the gateway never takes for an empty one.
    """
    async with context.terminal:
        book = await _read(context)
        applied, read_at = context.ledger.applied, context.clock.now()
    digest = book_hash(book)
    same = book.connected and digest == request.hash
    context.events["snapshots.same" if same else "snapshots.told"] += 1
    whole = SyncSnapshot(
        phase=SnapshotPhase.REPORT, request_id=request.request_id, hash=digest, same=same,
        taken_at=rfc3339(datetime.fromtimestamp(read_at.wall_ms / 1000, tz=UTC)), connected=book.connected,
        applied_server_seq=applied, history_from=book.history_from or context.init_request.history_from,
        balance=book.balance, equity=book.equity, age_ms=context.clock.age_ms(read_at),
    )  # fmt: skip
    held: list[Line] = [] if same else [*book.positions, *book.working_orders]
    return chunks(whole, [*held, *book.quotes])


async def _read(context: Context) -> BookSnapshot:
    if context.holdings is None:
        return _UNREADABLE
    try:
        return await within(context.timing.call_patience, context.holdings.snapshot(), context.clock)
    except Exception:
        log.exception("snapshots.book_unreadable")
        return _UNREADABLE


def book_hash(book: BookSnapshot) -> str:
    """A digest of positions, working orders and balance; equal books have equal ones, in whatever order."""
    lines = sorted(payload_json(line) for line in (*book.positions, *book.working_orders))
    content = [b"%d" % len(book.positions), str(book.balance).encode(), *lines]
    return hashlib.sha256(b"\n".join(content)).hexdigest()


def chunks(whole: SyncSnapshot, lines: Sequence[Line]) -> list[SyncSnapshot]:
    """`whole` with its lines, split below the size of a frame; several chunks share a digest of their own."""
    found = pages(whole, lines)
    digest = str(uuid7()) if len(found) > 1 else None
    return [
        msgspec.structs.replace(whole, n=number, of=len(found), digest=digest, **_by_field(page))
        for number, page in enumerate(found, start=1)
    ]


def _by_field(page: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in page:
        found.setdefault(_FIELDS[type(line)], []).append(line)
    return found
