"""The summary of an MT4 "Detailed Statement", to the printed character. Definitions: docs/statement.md.

A trade's result is its net: profit + swap + commission + taxes. Percentages, Profit Factor and Expected Payoff have
two decimals, other money the decimals of the account's currency, with spaces between thousands. All rounding is half
up, away from zero. What cannot be computed is printed as zero: without trades every figure is, without losses Profit
Factor is 0.00 (as in MetaQuotes' own report script). A drawdown from a peak of 0 or less is one of 100.00 %, and never
a relative one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Final

from orders.domain.wire.intents import Side

_ZERO: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed trade. `close_time`: the broker's wall clock, "YYYY.MM.DD HH:MM:SS". `side`: None where nobody has
    told it; archive rows are buys.
    """

    close_time: str
    ticket: int
    side: Side | None
    net: Decimal


@dataclass(frozen=True, slots=True)
class _Drawdown:
    """A fall from a peak of the balance curve, in money and in per cent of that peak."""

    money: Decimal = _ZERO
    percent: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive wins, or consecutive losses."""

    trades: int = 0
    money: Decimal = _ZERO


def summarise(trades: Iterable[Trade], *, starting_balance: Decimal, decimals: int) -> dict[str, str]:
    """The 23 figures as MT4 prints them, by their printed names, in their printed order.

    `trades` in any order: they are taken by close time, then ticket. `starting_balance`: the first balance row's
    amount; later deposits and withdrawals are no part of the balance curve. `decimals`: of the account's currency
    (JPY: 0).
    """
    # MT4 prints by close time; trades of one second stand in the order of their tickets.
    ordered = sorted(trades, key=lambda trade: (trade.close_time, trade.ticket))
    nets = [trade.net for trade in ordered]
    wins, losses = [net for net in nets if net >= 0], [net for net in nets if net < 0]
    return (
        _profit_figures(wins, losses, decimals)
        | _drawdown_figures(starting_balance, nets, decimals)
        | _count_figures(ordered)
        | _trade_figures(wins, losses, decimals)
        | _run_figures(nets, decimals)
    )


def close_books(balance_rows: Iterable[Decimal], nets: Iterable[Decimal], *, decimals: int) -> dict[str, str]:
    """The closing identity: deposits less withdrawals, plus closed profit and loss, is the balance."""
    deposited, closed = sum(balance_rows, _ZERO), sum(nets, _ZERO)
    amounts = {"Deposit/Withdrawal": deposited, "Closed P/L": closed, "Balance": deposited + closed}
    return {name: _printed(amount, decimals) for name, amount in amounts.items()}


def _profit_figures(wins: Sequence[Decimal], losses: Sequence[Decimal], decimals: int) -> dict[str, str]:
    won, lost = sum(wins, _ZERO), -sum(losses, _ZERO)
    return {
        "Gross Profit": _printed(won, decimals),
        "Gross Loss": _printed(lost, decimals),
        "Total Net Profit": _printed(won - lost, decimals),
        "Profit Factor": _printed(_ratio(won, lost)),
        "Expected Payoff": _printed(_ratio(won - lost, len(wins) + len(losses))),
    }


def _drawdown_figures(start: Decimal, nets: Sequence[Decimal], decimals: int) -> dict[str, str]:
    absolute, maximal, relative = _drawdowns(start, nets)
    return {
        "Absolute Drawdown": _printed(absolute, decimals),
        "Maximal Drawdown": f"{_printed(maximal.money, decimals)} ({_printed(maximal.percent)}%)",
        "Relative Drawdown": f"{_printed(relative.percent)}% ({_printed(relative.money, decimals)})",
    }


def _drawdowns(start: Decimal, nets: Iterable[Decimal]) -> tuple[Decimal, _Drawdown, _Drawdown]:
    """Absolute, maximal and relative drawdown of the balance curve; of equal ones the first."""
    balance = peak = lowest = start
    maximal = relative = _Drawdown()
    for net in nets:
        balance += net
        peak, lowest = max(peak, balance), min(lowest, balance)
        fall = peak - balance
        # An account that never was above zero has lost all of it, whatever the sum.
        drawdown = _Drawdown(fall, fall / peak * 100 if peak > 0 else _HUNDRED)
        if fall > maximal.money:
            maximal = drawdown
        if peak > 0 and drawdown.percent > relative.percent:
            relative = drawdown
    return start - lowest, maximal, relative


def _count_figures(trades: Sequence[Trade]) -> dict[str, str]:
    won = {side: [trade.net >= 0 for trade in trades if trade.side is side] for side in Side}
    short, long = won[Side.SELL], won[Side.BUY]
    wins, total = sum(trade.net >= 0 for trade in trades), len(trades)
    return {
        "Total Trades": str(total),
        "Short Positions (won %)": _share(len(short), sum(short), len(short)),
        "Long Positions (won %)": _share(len(long), sum(long), len(long)),
        "Profit Trades (% of total)": _share(wins, wins, total),
        "Loss trades (% of total)": _share(total - wins, total - wins, total),
    }


def _trade_figures(wins: Sequence[Decimal], losses: Sequence[Decimal], decimals: int) -> dict[str, str]:
    return {
        "Largest profit trade": _printed(max(wins, default=_ZERO), decimals),
        "Largest loss trade": _printed(min(losses, default=_ZERO), decimals),
        "Average profit trade": _printed(_ratio(sum(wins, _ZERO), len(wins)), decimals),
        "Average loss trade": _printed(_ratio(sum(losses, _ZERO), len(losses)), decimals),
    }


def _run_figures(nets: Sequence[Decimal], decimals: int) -> dict[str, str]:
    wins, losses = list(_runs(nets, lost=False)), list(_runs(nets, lost=True))
    (longest_win, best), (longest_loss, worst) = _record_runs(wins), _record_runs(losses)
    return {
        "Maximum consecutive wins ($)": f"{longest_win.trades} ({_printed(longest_win.money, decimals)})",
        "Maximum consecutive losses ($)": f"{longest_loss.trades} ({_printed(longest_loss.money, decimals)})",
        "Maximal consecutive profit (count)": f"{_printed(best.money, decimals)} ({best.trades})",
        "Maximal consecutive loss (count)": f"{_printed(worst.money, decimals)} ({worst.trades})",
        "Average consecutive wins": _average_length(wins),
        "Average consecutive losses": _average_length(losses),
    }


def _runs(nets: Iterable[Decimal], *, lost: bool) -> Iterator[_Run]:
    for is_loss, group in groupby(nets, key=lambda net: net < 0):
        if is_loss is lost:
            run = list(group)
            yield _Run(len(run), sum(run, _ZERO))


def _record_runs(runs: Iterable[_Run]) -> tuple[_Run, _Run]:
    """The longest run and the run of the largest money.

    MT4's rule: an equally long run replaces the longest only if its money is larger than that of any run before it, not
    merely larger than the longest one's. Of runs with equal money the first stays.
    """
    longest, largest = _Run(), _Run()
    for run in runs:
        if (run.trades, abs(run.money)) > (longest.trades, abs(largest.money)):
            longest = run
        if largest.trades == 0 or abs(run.money) > abs(largest.money):
            largest = run
    return longest, largest


def _average_length(runs: Sequence[_Run]) -> str:
    return _printed(_ratio(sum(run.trades for run in runs), len(runs)), 0)


def _share(count: int, part: int, whole: int) -> str:
    return f"{count} ({_printed(_ratio(part * 100, whole))}%)"


def _ratio(numerator: Decimal | int, denominator: Decimal | int) -> Decimal:
    """The quotient; 0 where there is nothing to divide by."""
    return Decimal(numerator) / denominator if denominator else _ZERO


def _printed(value: Decimal, decimals: int = 2) -> str:
    """Half up, spaces between thousands, never a negative zero."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return format(abs(rounded) if rounded.is_zero() else rounded, ",f").replace(",", " ")
