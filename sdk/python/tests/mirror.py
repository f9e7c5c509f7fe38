"""A copier of a dozen lines: every intent becomes the command that a mirrored follower would get."""

from decimal import Decimal

from eagateway_sdk import Action, OrderCommand, OrderIntent
from eagateway_sdk.ids import uuid7
from eagateway_sdk.paper import Book, MasterTerminal, PaperTerminal, Recording, Tape
from eagateway_sdk.paper.terminal import MAGIC_BASE


class Mirror:
    """`factor`: the follower's lots per lot of the master."""

    def __init__(self, factor: Decimal = Decimal(1)) -> None:
        self._factor = factor
        self._copies: dict[int, OrderCommand] = {}

    def command(self, intent: OrderIntent) -> OrderCommand | None:
        """The command for an intent, or None where the terminal acts by itself (a pending order fills)."""
        if intent.action is Action.ACTIVATE:
            return None
        known = self._copies.get(intent.position_id)
        before = known.lots_after if known else Decimal(0)
        lots = (intent.lots or Decimal(0)) * self._factor
        if intent.action in (Action.OPEN, Action.PLACE):
            after = lots
        elif intent.action is Action.MODIFY:
            after = before
        else:
            after = before - lots if intent.action is Action.PARTIAL_CLOSE else Decimal(0)
        copy_no = known.copy_no if known else len(self._copies) + 1
        side = intent.side or (known.side if known else None)
        assert side is not None
        command = OrderCommand(
            command_id=uuid7(), action=intent.action, copy_no=copy_no, magic=MAGIC_BASE | copy_no,
            position_id=intent.position_id, symbol=intent.symbol, side=side, order_type=intent.order_type,
            lots=lots, price=intent.price, sl=intent.sl, tp=intent.tp, lots_before=before, lots_after=after,
        )  # fmt: skip
        self._copies[intent.position_id] = command
        return command


async def replayed(
    recording: Recording, terminal: PaperTerminal, *, factor: Decimal = Decimal(1), times: int = 2
) -> MasterTerminal:
    """Replay a recording, the follower at the master's heels; each command is given `times` times."""
    master, mirror = MasterTerminal(recording), Mirror(factor)
    for event in recording.events():
        step = master.replay(event)
        terminal.on_recorded(event)
        if step.report is not None:
            terminal.book_account_event(event)
        if step.intent is None or step.repeat:
            continue
        command = mirror.command(step.intent)
        for _ in range(times if command is not None else 0):
            assert command is not None
            await terminal.execute(command)
    return master


def follower(recording: Recording, **settings: object) -> PaperTerminal:
    """A terminal on an empty book, with the recording as its market."""
    book = Book.for_account(recording.account)
    return PaperTerminal(book, tape=Tape(recording), **settings)  # type: ignore[arg-type]


def shape(book: Book) -> dict[str, object]:
    """What of a book a mirrored follower shares with its master: everything but tickets and magic numbers."""
    return {
        "open": sorted(
            (one.position_id or 0, one.symbol, one.side, one.lots, one.price, one.sl, one.tp, one.opened_at)
            for one in book.open.values()
        ),
        "working": sorted(
            (one.position_id or 0, one.symbol, one.side, one.order_type, one.lots, one.price, one.sl, one.tp)
            for one in book.working.values()
        ),
        "history": sorted(
            (one.position_id or 0, one.lots, one.open_price, one.close_price, one.opened_at, one.closed_at,
             one.amounts.net, one.sl, one.tp)
            for one in book.history
        ),
        "balance": book.balance,
    }  # fmt: skip
