"""What a decision looks at and what it hands on: values only, so that every step is a pure function of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, TypeVar

from orders.domain.copies.legs import NONE, Leg, Order
from orders.domain.copies.positions import Position
from orders.domain.decision.filters import NO_FILTERS, Filters
from orders.domain.decision.settings import Settings
from orders.domain.decision.symbols import NO_AFFIXES, Affixes
from orders.domain.risk.limits import MAX_LEVERAGE, Exposure, Limits
from orders.domain.sizing.modes import Funds, Sizing
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.denials import Code, Denied
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import OrderIntent, OrderType, Side

_Part = TypeVar("_Part", Sizing, Limits, Affixes)


class Outcome(StrEnum):
    """`noop`: there was nothing to do for this follower; recorded, and not counted as a denial."""

    COPIED = "copied"
    DENIED = "denied"
    NOOP = "noop"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Terminal:
    """What an account's InitRequest told: currency, margin mode, symbols by name. `tickets`: its EA tells two positions
    with one magic number apart.
    """

    currency: str | None = None
    netting: bool = False
    fifo: bool = False
    tickets: bool = False
    symbols: Mapping[str, SymbolSpec] = field(default_factory=dict)
    affixes: Affixes = NO_AFFIXES


@dataclass(frozen=True, slots=True)
class MarketQuote:
    """The market of one symbol at the follower's broker, as its terminal told it last."""

    bid: Decimal
    ask: Decimal
    at: datetime


# Without slots: cached_property keeps its value in the object's dictionary.
@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a subscription says about copying: its state, its settings, and `relay_copies` of its strategy.

    `filters` are the settings' own, read; None where what is stored cannot be read: nothing is copied then, and
    everything else flows. What some rules look at together is a value of its own, made once from the settings that have
    the names of its fields.
    """

    state: SubscriptionState
    settings: Settings
    filters: Filters | None = NO_FILTERS
    relay_copies: bool = False

    @cached_property
    def sizing(self) -> Sizing:
        return _part(Sizing, self.settings)

    @cached_property
    def limits(self) -> Limits:
        return _part(Limits, self.settings)

    @cached_property
    def affixes(self) -> Affixes:
        return _part(Affixes, self.settings)

    @cached_property
    def max_age(self) -> timedelta:
        return timedelta(seconds=self.settings.max_age_seconds)

    @cached_property
    def late_span(self) -> timedelta:
        """How long past `max_age` a late open may still become a pending order."""
        return timedelta(seconds=self.settings.late_seconds)

    @cached_property
    def pending_wait(self) -> timedelta:
        """How long a copied pending order may go on working when the master's has filled."""
        return timedelta(seconds=self.settings.pending_wait_seconds)


def _part(kind: type[_Part], settings: Settings) -> _Part:
    return kind(**{item.name: getattr(settings, item.name) for item in fields(kind)})


@dataclass(frozen=True, slots=True)
class Case:
    """Everything one decision may look at. `position` is the master's position before the intent.

    `quotes`: the follower's market by symbol, where its terminal has told it. `max_leverage`: see check_ceiling.
    `own_copies`: which copy numbers, of those that the magic numbers would be, the master's account has as a follower.
    """

    intent: OrderIntent
    occurred_at: datetime
    position: Position | None
    rules: Rules
    master: Terminal
    master_funds: Funds
    follower: Terminal | None
    follower_funds: Funds
    exposure: Exposure
    legs: Sequence[Leg]
    now: datetime
    stale_after: timedelta
    quotes: Mapping[str, MarketQuote] = field(default_factory=dict)
    max_leverage: Decimal | None = MAX_LEVERAGE
    own_copies: Collection[int] = ()

    @property
    def terminal(self) -> Terminal:
        """The follower's terminal; one without symbols where it has told nothing."""
        return self.follower or Terminal()

    def quote(self, symbol: str) -> MarketQuote | None:
        """The follower's market, unless it is not known or too old to rely on."""
        found = self.quotes.get(symbol)
        return found if found is not None and self.now - found.at <= self.stale_after else None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the steps have found so far. `waiting`: the legs whose pending order should fill by itself, but may not;
    `led`: the lots that legs without a position yet are to have when they have one; `touched`: the legs to look at
    again with their next report.
    """

    spec: SymbolSpec | None = None
    side: Side = Side.BUY
    order_type: OrderType = OrderType.MARKET
    sl: Decimal | None = None
    tp: Decimal | None = None
    late: bool = False
    exact: Decimal = NONE
    lots: Decimal = NONE
    orders: tuple[Order, ...] = ()
    waiting: tuple[int, ...] = ()
    led: tuple[tuple[int, Decimal], ...] = ()
    touched: tuple[int, ...] = ()

    @property
    def known_spec(self) -> SymbolSpec:
        """The follower's symbol, which the mapping has found."""
        if self.spec is None:
            raise Denied(Code.SYMBOL_NOT_FOUND)
        return self.spec


Evidence = dict[str, Any]
Step = Callable[[Case, Draft], tuple[Draft, Evidence]]


class NothingToDo(Exception):
    """There is nothing to order for this follower; `draft` is what was found on the way."""

    def __init__(self, code: Code, *, draft: Draft | None = None, **evidence: Any) -> None:
        super().__init__(code.value)
        self.code, self.draft, self.evidence = code, draft or Draft(), evidence


def turned(draft: Draft) -> Draft:
    """The same the other way round: side swapped, stops swapped as price levels, limit becomes stop and the reverse."""
    return replace(
        draft, side=OTHER_SIDE[draft.side], order_type=OTHER_TYPE[draft.order_type], sl=draft.tp, tp=draft.sl
    )


OTHER_SIDE: Final[Mapping[Side, Side]] = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
OTHER_TYPE: Final[Mapping[OrderType, OrderType]] = {
    OrderType.MARKET: OrderType.MARKET,
    # A price that is better than the market for a buyer is worse for a seller.
    OrderType.LIMIT: OrderType.STOP,
    OrderType.STOP: OrderType.LIMIT,
}
