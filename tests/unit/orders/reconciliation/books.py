"""Copies, commands and what a terminal holds, for the tests of this room."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Book, Held
from orders.domain.reconciliation.comparison import Comparison, Copied, Issued
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.wire.commands import magic_of
from orders.domain.wire.intents import Action, Side

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
IDS: Final = UUID(int=7)
TENTH: Final = Decimal("0.1")


def command(action: Action, state: CommandState, number: int = 1, **fields: Any) -> Issued:
    issued = Issued(id=uuid5(IDS, f"{action} {number}"), action=action, state=state, since=NOON)
    return replace(issued, **fields)


def copied(state: CopyState = CopyState.OPEN, *commands: Issued, copy_no: int = 1, **fields: Any) -> Copied:
    open_lots = TENTH if state is CopyState.OPEN else Decimal(0)
    facts = CopyFacts(state=state, lots_decided=TENTH, lots_open=open_lots, ticket=900 + copy_no)
    row = Copied(
        id=uuid5(IDS, f"copy {copy_no}"),
        copy_no=copy_no,
        symbol="EURUSD",
        side=Side.BUY,
        since=NOON,
        facts=facts,
        commands=commands,
    )
    return replace(row, **fields)


def position(copy_no: int = 1, **fields: Any) -> Held:
    item = Held(ticket=900 + copy_no, symbol="EURUSD", side=Side.BUY, lots=TENTH, magic=magic_of(copy_no))
    return replace(item, **fields)


def book(*held: Held, after: int = 3600, **fields: Any) -> Book:
    return replace(Book(taken_at=NOON + timedelta(seconds=after), held=held), **fields)


def kinds(comparison: Comparison) -> list[tuple[str, str]]:
    return [(item.kind.value, item.severity.value) for item in comparison.differences]
