"""Properties of the paper book, over recordings made at random."""

import asyncio
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from eagateway_sdk.paper import Amounts, MasterTerminal, Recording

from .mirror import follower, replayed, shape
from .recordings import line, recording

CENTS = st.integers(-100_000, 100_000).map(lambda cents: Decimal(cents) / 100)
HUNDREDTHS = st.integers(1, 5000).map(lambda lots: Decimal(lots) / 100)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Positions that open, fill from pendings, change, close in parts; balance changes; some events delivered twice."""
    lines = [line("balance", 1)]
    lots: dict[int, Decimal] = {}
    pending: dict[int, Decimal] = {}
    ticket = 100
    for second in range(draw(st.integers(1, 25))):
        ticket += 2
        choices = ["open", "place", "balance"] + ["close", "modify", "part"] * bool(lots)
        choices += ["activate", "cancel"] * bool(pending)
        match draw(st.sampled_from(choices)):
            case "open":
                lots[ticket] = draw(HUNDREDTHS)
                lines.append(line("open", ticket, second, lots=f"{lots[ticket]:.2f}"))
            case "place":
                pending[ticket] = draw(HUNDREDTHS)
                lines.append(line("place", ticket, second, lots=f"{pending[ticket]:.2f}"))
            case "balance":
                lines.append(line("balance", ticket, second, amount=f"{draw(CENTS):.2f}"))
            case "activate":
                chosen = draw(st.sampled_from(sorted(pending)))
                lots[chosen] = pending.pop(chosen)
                lines.append(line("activate", chosen, second, lots=f"{lots[chosen]:.2f}"))
            case "cancel":
                chosen = draw(st.sampled_from(sorted(pending)))
                del pending[chosen]
                lines.append(line("cancel", chosen, second))
            case "modify":
                chosen = draw(st.sampled_from(sorted(lots)))
                lines.append(line("modify", chosen, second, sl=f"1.0{draw(st.integers(0, 9))}"))
            case "close":
                chosen = draw(st.sampled_from(sorted(lots)))
                amounts = {name: f"{draw(CENTS):.2f}" for name in ("commission", "swap", "profit")}
                lines.append(line("close", chosen, second, lots=f"{lots.pop(chosen):.2f}", **amounts))
            case "part":
                chosen = draw(st.sampled_from(sorted(lots)))
                whole = lots[chosen]
                if whole > Decimal("0.01"):
                    closed = Decimal(draw(st.integers(1, int(whole * 100) - 1))) / 100
                    lots[ticket + 1] = lots.pop(chosen) - closed
                    amounts = {"lots": f"{closed:.2f}", "profit": f"{draw(CENTS):.2f}"}
                    lines.append(line("partial_close", chosen, second, new_ticket=ticket + 1, **amounts))
        if draw(st.booleans()):
            lines.append(lines[-1])
    return recording(*lines)


@settings(max_examples=150, deadline=None)
@given(recordings())
def test_a_mirrored_follower_always_ends_with_the_masters_book(made: Recording) -> None:
    trader = follower(made)
    master = asyncio.run(replayed(made, trader))
    assert shape(trader.book) == shape(master.book)


@settings(max_examples=100, deadline=None)
@given(recordings())
def test_the_balance_is_the_sum_of_what_was_booked(made: Recording) -> None:
    book = (master := MasterTerminal(made)).book
    for event in made.events():
        master.replay(event)
    booked = [one.amounts.net for one in (*book.history, *book.bookings)]
    assert book.balance == sum(booked, Decimal(0))
    tickets = [trade.ticket for trade in book.history]
    assert len(tickets) == len(set(tickets))
    assert not set(tickets) & set(book.open)


@settings(max_examples=60, deadline=None)
@given(recordings(), st.sampled_from([Decimal("0.5"), Decimal(2), Decimal("1.25")]))
def test_a_scaled_follower_keeps_its_own_sums(made: Recording, factor: Decimal) -> None:
    trader = follower(made)
    asyncio.run(replayed(made, trader, factor=factor))
    booked = [one.amounts.net for one in (*trader.book.history, *trader.book.bookings)]
    assert trader.book.balance == sum(booked, Decimal(0))
    assert all(trade.lots > 0 for trade in trader.book.history)


@given(CENTS, HUNDREDTHS, HUNDREDTHS, st.integers(0, 5))
def test_a_share_is_rounded_half_up_once(amount: Decimal, lots: Decimal, of: Decimal, decimals: int) -> None:
    share = Amounts(profit=amount).share(lots=lots, of=of, money_decimals=decimals).profit
    exact = Fraction(amount) * Fraction(lots) / Fraction(of)
    unit = Fraction(1, 10**decimals)
    assert abs(Fraction(share) - exact) <= unit / 2
    if abs(Fraction(share) - exact) == unit / 2:
        assert abs(Fraction(share)) > abs(exact)
    assert share == share.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
