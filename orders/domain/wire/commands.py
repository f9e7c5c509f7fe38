"""What a follower must do: the OrderCommand frame."""

from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from orders.domain.wire.intents import Action, Comment, OrderType, Side, Ticket
from sessions_app.domain.decimals import Lots, Price
from sessions_app.domain.frames.payloads import Name, Payload

# The highest byte says that an order may be ours, the other three are its copy number.
MAGIC_BASE: Final = 0x5A000000
MAX_COPY_NO: Final = 0xFFFFFF
TICKETS: Final = "ticket"
"""The capability of an EA that looks at a command's `ticket`."""


class OrderCommand(Payload, kw_only=True, frozen=True):
    """Server: one order for the follower, with the absolute state it should lead to.

    `lots` are the lots to open, or to close; `lots_before` and `lots_after` the copy's lots around it, so that a
    repeated or doubtful close is decided by state; a `cancel` with `lots_after` above 0 leaves alone what has filled.
    `valid_until`: past it, what adds exposure is not executed any more. `ticket`: where two positions carry one magic
    number, the one that is meant, and no other.
    """

    command_id: UUID
    action: Action
    copy_no: Annotated[int, Meta(ge=1, le=MAX_COPY_NO)]
    magic: Annotated[int, Meta(ge=0, le=2**32)]
    position_id: Ticket
    symbol: Name
    side: Side
    attempt: Annotated[int, Meta(ge=1)] = 1
    order_type: OrderType = OrderType.MARKET
    lots: Lots | None = None
    price: Price | None = None
    deviation_points: Annotated[int, Meta(ge=0)] | None = None
    sl: Price | None = None
    tp: Price | None = None
    expiry: str | None = None
    valid_until: str | None = None
    lots_before: Lots
    lots_after: Lots
    comment: Comment | None = None
    ticket: Ticket | None = None


def magic_of(copy_no: int) -> int:
    """The magic number that marks a copy at the broker; it survives partial closes and rewritten comments."""
    return MAGIC_BASE | copy_no


def copy_number(magic: int | None) -> int | None:
    """The copy number in a magic number of our range, or None. Whether there is such a copy, the account's rows say."""
    if magic is None or magic & ~MAX_COPY_NO != MAGIC_BASE:
        return None
    # Copy numbers begin at 1: the bare base is no copy.
    return magic & MAX_COPY_NO or None
