"""Limits on what adds exposure. Each guard looks at the follower's state after the trade, in flight included."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from orders.domain.sizing.rounding import MAX_LEGS
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.commands import MAX_COPY_NO

MAX_LEVERAGE: Final = Decimal(30)
"""Times its equity that a follower's positions may be worth, unless told otherwise."""
MAX_LOTS_RATIO: Final = 100
MAX_LOTS_RATIO_OF_CENTS: Final = 1000
CENTS: Final = frozenset({"USC", "EUC", "GBC", "AUC", "JPC", "CENT", "USCENT"})
"""What brokers call the currency of accounts that count in cents: declared so in InitRequest."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The follower before this trade: positions copied or ordered, over all its subscriptions.

    `notional`: what these are worth in the account's currency, as far as that is known.
    """

    open_positions: int = 0
    next_copy_no: int = 1
    notional: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trade:
    """What is about to be opened, beside the account that it is opened on.

    `notional` and `equity` in the account's currency, None where they are not known. `chosen`: a person has said just
    these lots. `contracts`: how much more one lot is at the follower's broker than at the master's.
    """

    lots: Decimal
    master_lots: Decimal
    notional: Decimal | None = None
    equity: Decimal | None = None
    currency: str | None = None
    chosen: bool = False
    contracts: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Limits:
    """A subscription's limits; None switches one off. `max_lots` reduces to fit, the others refuse."""

    max_lots: Decimal | None = None
    max_open_positions: int | None = None


def cap_lots(lots: Decimal, limits: Limits) -> Decimal:
    """`lots`, at most `max_lots`."""
    return lots if limits.max_lots is None else min(lots, limits.max_lots)


def _open_positions(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    # Without a limit nobody has counted: what is known is of this batch alone.
    if limits.max_open_positions is None:
        return {"limit": None}
    # The limit is about what will be open, not about what is.
    after = exposure.open_positions + 1
    if after > limits.max_open_positions:
        raise Denied(Code.MAX_OPEN_POSITIONS, after=after, limit=limits.max_open_positions)
    return {"open_positions_after": after, "limit": limits.max_open_positions}


def may_run_out(exposure: Exposure) -> bool:
    """Whether the account's copy numbers may not do for one position more."""
    # A position may need several numbers; half of one is worse than none.
    return exposure.next_copy_no + MAX_LEGS > MAX_COPY_NO


def _copy_numbers(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    if may_run_out(exposure):
        raise Denied(Code.COPY_NUMBERS_EXHAUSTED, next_copy_no=exposure.next_copy_no, limit=MAX_COPY_NO)
    return {}


GUARDS: Final[tuple[Callable[[Limits, Exposure], dict[str, Any]], ...]] = (_copy_numbers, _open_positions)


def check_guards(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    """Run every guard; the evidence of all that passed.

    :raises Denied: the first guard that refuses
    """
    evidence: dict[str, Any] = {}
    for guard in GUARDS:
        evidence |= guard(limits, exposure)
    return evidence


def check_ceiling(trade: Trade, exposure: Exposure, *, max_leverage: Decimal | None) -> dict[str, Any]:
    """What stands above every other rule: figures that no person means. It never cuts; None switches it off.

    :raises Denied: ABOVE_CEILING, with the figures
    """
    if max_leverage is None:
        return {}
    if trade.notional is not None and trade.equity is not None and trade.equity > 0:
        return _check_leverage(trade.notional + exposure.notional, trade.equity, max_leverage)
    # Without price or funds only the master's lots are left to compare with; lots that a person chose are meant so.
    if trade.chosen or trade.master_lots <= 0:
        return {}
    most = MAX_LOTS_RATIO_OF_CENTS if (trade.currency or "").upper() in CENTS else MAX_LOTS_RATIO
    ratio = trade.lots / trade.master_lots
    # Many small lots for one large one are no larger trade.
    if min(ratio, ratio * trade.contracts) > most:
        raise Denied(Code.ABOVE_CEILING, lots=trade.lots, master_lots=trade.master_lots, most_times=most)
    return {}


def _check_leverage(notional: Decimal, equity: Decimal, most: Decimal) -> dict[str, Any]:
    evidence = {
        "notional_after": notional.quantize(_CENT),
        "equity": equity,
        "leverage": (notional / equity).quantize(_CENT),
        "max_leverage": most,
    }
    if notional > equity * most:
        raise Denied(Code.ABOVE_CEILING, **evidence)
    return evidence


_CENT: Final = Decimal("0.01")
