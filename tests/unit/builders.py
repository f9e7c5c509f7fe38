"""Values that the tests of the trade rules start from; each test changes what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from orders.domain.copies.legs import Leg
from orders.domain.copies.positions import Position, PositionState
from orders.domain.decision.inputs import Case, Rules, Terminal
from orders.domain.decision.settings import Settings
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderIntent, OrderType, Side
from sessions_app.domain.decimals import Lots, Price, decode_hook

NOW: Final = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
_DECODER: Final = msgspec.json.Decoder(OrderIntent, dec_hook=decode_hook)


def spec(
    name: str = "EURUSD", *, least: str = "0.01", step: str = "0.01", most: str = "100", **changes: Any
) -> SymbolSpec:
    """A symbol at a broker; lots_min, lots_step and lots_max as text."""
    made = SymbolSpec(name, 5, Decimal(100_000), Decimal(least), Decimal(step), Decimal(most))
    return replace(made, **changes)


def book(*specs: SymbolSpec) -> dict[str, SymbolSpec]:
    """Specs by name, as a terminal lists them."""
    return {item.name: item for item in specs or (spec(),)}


def wire_intent(**fields: Any) -> OrderIntent:
    """An intent as it is decoded from the wire."""
    return _DECODER.decode(msgspec.json.encode({"position_id": 1, "ticket": 1, "symbol": "EURUSD"} | fields))


def intent(action: Action = Action.OPEN, **changes: Any) -> OrderIntent:
    """A complete intent of this action."""
    fields: dict[str, Any] = {"action": action, "position_id": 1, "ticket": 1, "symbol": "EURUSD"}
    if action in (Action.OPEN, Action.PLACE):
        fields |= {"side": Side.BUY, "lots": Lots("0.10"), "price": Price("1.10000")}
    if action is Action.PLACE:
        fields |= {"order_type": OrderType.LIMIT}
    if action is Action.PARTIAL_CLOSE:
        fields |= {"lots": Lots("0.05"), "remaining_lots": Lots("0.05"), "new_ticket": 2}
    return OrderIntent(**(fields | changes))


def position(**changes: Any) -> Position:
    """The master's position, open."""
    return replace(Position(PositionState.OPEN, ticket=1, lots=Decimal("0.10"), price=Decimal("1.1")), **changes)


def leg(lots: str = "0.10", *, number: int = 1, **changes: Any) -> Leg:
    """One open copied leg."""
    made = Leg(number, CopyState.OPEN, "EURUSD", Side.BUY, OrderType.MARKET, Decimal(lots))
    return replace(made, **changes)


def rules(**changes: Any) -> Rules:
    """An active subscription that mirrors the master's lots; `changes` to its settings or to the rules themselves."""
    own = {name: changes.pop(name) for name in ("state", "filters", "relay_copies") if name in changes}
    made = Rules(state=SubscriptionState.ACTIVE, settings=Settings(**changes))
    return replace(made, **own)


def terminal(symbols: Mapping[str, SymbolSpec] | None = None, **changes: Any) -> Terminal:
    """A hedging account in USD."""
    return replace(Terminal(currency="USD", symbols=book() if symbols is None else symbols), **changes)


def case(made: OrderIntent | None = None, *, legs: Sequence[Leg] = (), **changes: Any) -> Case:
    """A decision's whole input: an open of 0.10 EURUSD, one second old, where nothing stands against it."""
    plain = Case(
        intent=made or intent(),
        occurred_at=NOW - timedelta(seconds=1),
        position=position() if legs else None,
        rules=rules(),
        master=terminal(),
        master_funds=Funds("USD", balance=Decimal(10_000)),
        follower=terminal(),
        follower_funds=Funds("USD", balance=Decimal(5_000), as_of=NOW - timedelta(seconds=5)),
        exposure=Exposure(),
        legs=legs,
        now=NOW,
        stale_after=timedelta(seconds=30),
    )
    return replace(plain, **changes)
