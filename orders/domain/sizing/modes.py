"""How large to copy: one pure function per mode. Formulas: docs/copying.md, "Allocation modes"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from typing import Final

from orders.domain.sizing.rates import SAME, Rate
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.denials import Code, Denied


class Mode(StrEnum):
    MIRRORED = "mirrored"
    FIXED_LOTS = "fixed_lots"
    CONTRACT_UNITS = "contract_units"
    BALANCE_RATIO = "balance_ratio"
    EQUITY_RATIO = "equity_ratio"


class ContractSize(StrEnum):
    """What is done when one lot is another quantity at the two brokers."""

    CHECK = "check"
    CONVERT = "convert"
    IGNORE = "ignore"


FUNDS_RATIOS: Final = frozenset({Mode.BALANCE_RATIO, Mode.EQUITY_RATIO})
SIZELESS: Final = frozenset({Mode.FIXED_LOTS, Mode.CONTRACT_UNITS})
"""What never asks whether one lot is the same quantity at both brokers."""
LEAST_SHARE: Final = Decimal("0.1")
"""Of its balance, that an equity must have left to be compared with."""
MOST_CONTRACTS_APART: Final = 10
"""How many times larger one contract may be than the other where lots are mirrored as they are."""
AGELESS: Final = frozenset({Mode.MIRRORED, Mode.FIXED_LOTS, Mode.CONTRACT_UNITS})
"""What looks at no account's funds."""


@dataclass(frozen=True, slots=True)
class Funds:
    """One account's funds in its own currency.

    `as_of` is None for figures that came with the signal itself; `fresh` names those of them that did where others are
    as old as `as_of`.
    """

    currency: str | None = None
    balance: Decimal | None = None
    equity: Decimal | None = None
    free_margin: Decimal | None = None
    as_of: datetime | None = None
    fresh: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sizing:
    """A subscription's allocation settings. Fixed bases are in their own account's currency."""

    mode: Mode
    contract_size: ContractSize = ContractSize.CHECK
    multiplier: Decimal = Decimal(1)
    lots: Decimal | None = None
    fixed_master_base: Decimal | None = None
    fixed_follower_base: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What the modes may look at: the master's lots, both accounts and symbols, the rate master to follower."""

    master_lots: Decimal
    master: Funds
    follower: Funds
    rate: Rate | None
    now: datetime
    stale_after: timedelta
    master_spec: SymbolSpec | None = None
    follower_spec: SymbolSpec | None = None

    @property
    def differ(self) -> bool:
        """Whether one lot is known to be another quantity at the two brokers."""
        ours, theirs = _contract(self.follower_spec), _contract(self.master_spec)
        return bool(ours and theirs) and ours != theirs

    def told(self, sizing: Sizing) -> dict[str, Decimal | None]:
        """The figures of both sides that this mode compares, for the explanation."""
        if sizing.mode is Mode.CONTRACT_UNITS:
            return {"master_contract": _contract(self.master_spec), "follower_contract": _contract(self.follower_spec)}
        figure = _FIGURES.get(sizing.mode, "balance")
        if self.differ:
            told = {"master_contract": _contract(self.master_spec), "follower_contract": _contract(self.follower_spec)}
        else:
            told = {}
        return told | {
            "master_base": sizing.fixed_master_base or getattr(self.master, figure),
            "follower_base": sizing.fixed_follower_base or getattr(self.follower, figure),
        }


def allocate(sizing: Sizing, basis: Basis) -> Decimal:
    """Exact lots for one follower, before rounding and caps.

    :raises Denied: ALLOCATION_DATA_MISSING, ALLOCATION_DATA_STALE, ALLOCATION_BASE_UNUSABLE, ALLOCATION_RATE_UNCLEAR,
        CONTRACT_SIZES_DIFFER
    """
    return _LOTS[sizing.mode](sizing, basis) * _contract_factor(sizing, basis)


def _contract_factor(sizing: Sizing, basis: Basis) -> Decimal:
    """What makes the same quantity of as many lots, where this is wanted.

    The share of an account's funds is one of quantities, so ratios convert unless told otherwise. Who mirrors lots has
    said lots: sizes within MOST_CONTRACTS_APART are his choice, beyond that he may not know.
    """
    if sizing.mode in SIZELESS or sizing.contract_size is ContractSize.IGNORE:
        return Decimal(1)
    ours, theirs = _contract(basis.follower_spec), _contract(basis.master_spec)
    if sizing.contract_size is ContractSize.CONVERT or (sizing.mode in FUNDS_RATIOS and basis.differ):
        return _contracts(basis)
    if basis.differ and ours and theirs and max(ours, theirs) > MOST_CONTRACTS_APART * min(ours, theirs):
        raise Denied(
            Code.CONTRACT_SIZES_DIFFER,
            master_contract=theirs,
            follower_contract=ours,
            setting="contract_size",
            choices=[ContractSize.CONVERT.value, ContractSize.IGNORE.value],
        )
    return Decimal(1)


def _mirrored(sizing: Sizing, basis: Basis) -> Decimal:
    """L_m x k"""
    return basis.master_lots * sizing.multiplier


def _fixed_lots(sizing: Sizing, basis: Basis) -> Decimal:
    """A constant."""
    if sizing.lots is None:
        raise Denied(Code.ALLOCATION_DATA_MISSING, missing="lots of the subscription")
    return sizing.lots


def _contract_units(sizing: Sizing, basis: Basis) -> Decimal:
    """L_m x CS_m x k / CS_f"""
    return basis.master_lots * sizing.multiplier * _contracts(basis)


def _contracts(basis: Basis) -> Decimal:
    """CS_m / CS_f"""
    ours, theirs = _contract(basis.follower_spec), _contract(basis.master_spec)
    # A contract of zero is a terminal that has not loaded the symbol yet.
    if not ours or not theirs:
        side = "follower" if theirs else "master"
        raise Denied(Code.ALLOCATION_DATA_MISSING, missing=f"contract size of the {side}")
    return theirs / ours


def _contract(spec: SymbolSpec | None) -> Decimal | None:
    return None if spec is None else spec.contract_size


def _funds_ratio(sizing: Sizing, basis: Basis) -> Decimal:
    """L_m x (B_f / (B_m x FX)) x k, with balances or equities"""
    figure = _FIGURES[sizing.mode]
    ours = _base(sizing.fixed_follower_base, basis.follower, basis, figure, "follower")
    theirs = _base(sizing.fixed_master_base, basis.master, basis, figure, "master")
    if basis.rate is None:
        raise Denied(
            Code.ALLOCATION_DATA_MISSING,
            missing=f"rate {basis.master.currency} to {basis.follower.currency}",
        )
    if basis.rate.unclear:
        raise Denied(Code.ALLOCATION_RATE_UNCLEAR, rate_least=basis.rate.least, rate_most=basis.rate.most)
    exact = basis.master_lots * ours / (theirs * basis.rate.value) * sizing.multiplier
    # 1,500,000 JPY are 10,000 USD: a tick value of 0.6666667 must not make 0.29 lots of 0.30.
    return exact if basis.rate == SAME else _RATE_DIGITS.plus(exact)


_RATE_DIGITS: Final = Context(prec=5, rounding=ROUND_HALF_UP)
"""As many as a rate that comes from a tick value is good for."""
_FIGURES: Final[Mapping[Mode, str]] = {Mode.BALANCE_RATIO: "balance", Mode.EQUITY_RATIO: "equity"}
_LOTS: Final[Mapping[Mode, Callable[[Sizing, Basis], Decimal]]] = {
    Mode.MIRRORED: _mirrored,
    Mode.FIXED_LOTS: _fixed_lots,
    Mode.CONTRACT_UNITS: _contract_units,
    Mode.BALANCE_RATIO: _funds_ratio,
    Mode.EQUITY_RATIO: _funds_ratio,
}


def _base(fixed: Decimal | None, funds: Funds, basis: Basis, figure: str, whose: str) -> Decimal:
    amount: Decimal | None = getattr(funds, figure) if fixed is None else fixed
    what = f"{figure} of the {whose}"
    # An account of nothing or less has no share to compare with.
    if amount is None or amount <= 0:
        raise Denied(Code.ALLOCATION_DATA_MISSING, missing=what)
    _check_share(funds, what, used=None if fixed is not None or figure != "equity" else amount)
    # A fixed base does not age; neither do figures that came with the signal.
    aged = fixed is None and figure not in funds.fresh and funds.as_of is not None
    if aged and funds.as_of is not None and basis.now - funds.as_of > basis.stale_after:
        raise Denied(Code.ALLOCATION_DATA_STALE, stale=what, as_of=funds.as_of.isoformat())
    return amount


def _check_share(funds: Funds, what: str, *, used: Decimal | None) -> None:
    """An equity that is all but lost makes any trade of the master's a huge one."""
    if used is not None and funds.balance is not None and used < funds.balance * LEAST_SHARE:
        raise Denied(Code.ALLOCATION_BASE_UNUSABLE, base=what, equity=used, balance=funds.balance)
