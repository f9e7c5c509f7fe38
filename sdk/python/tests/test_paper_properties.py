"""Properties of the paper book, over recordings made at random."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from eagateway_sdk.paper import Amounts, Book, MasterTerminal, Recording

from .mirror import follower, replayed, shape
from .recordings import line, recording

CENTS = st.integers(-100_000, 100_000).map(lambda cents: Decimal(cents) / 100)
HUNDREDTHS = st.integers(1, 5000).map(lambda lots: Decimal(lots) / 100)


class Story:
    """A recording in the making: what is open and pending, with its lots."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._lots: dict[int, Decimal] = {}
        self._pending: dict[int, Decimal] = {}
        self.lines = [line("balance", 1)]

    def possible(self) -> Sequence[Callable[[int], None]]:
        """What may happen next."""
        always = [self.open, self.place, self.balance]
        return always + [self.close, self.modify, self.part] * bool(self._lots) + [
            self.activate, self.cancel] * bool(self._pending)  # fmt: skip

    def open(self, now: int) -> None:
        self._lots[100 + 2 * now] = lots = self._draw(HUNDREDTHS)
        self.lines.append(line("open", 100 + 2 * now, now, lots=f"{lots:.2f}"))

    def place(self, now: int) -> None:
        self._pending[100 + 2 * now] = lots = self._draw(HUNDREDTHS)
        self.lines.append(line("place", 100 + 2 * now, now, lots=f"{lots:.2f}"))

    def balance(self, now: int) -> None:
        self.lines.append(line("balance", 100 + 2 * now, now, amount=f"{self._draw(CENTS):.2f}"))

    def activate(self, now: int) -> None:
        ticket = self._draw(st.sampled_from(sorted(self._pending)))
        self._lots[ticket] = lots = self._pending.pop(ticket)
        self.lines.append(line("activate", ticket, now, lots=f"{lots:.2f}"))

    def cancel(self, now: int) -> None:
        ticket = self._draw(st.sampled_from(sorted(self._pending)))
        del self._pending[ticket]
        self.lines.append(line("cancel", ticket, now))

    def modify(self, now: int) -> None:
        ticket = self._draw(st.sampled_from(sorted(self._lots)))
        self.lines.append(line("modify", ticket, now, sl=f"1.0{self._draw(st.integers(0, 9))}"))

    def close(self, now: int) -> None:
        ticket = self._draw(st.sampled_from(sorted(self._lots)))
        amounts = {name: f"{self._draw(CENTS):.2f}" for name in ("commission", "swap", "profit")}
        self.lines.append(line("close", ticket, now, lots=f"{self._lots.pop(ticket):.2f}", **amounts))

    def part(self, now: int) -> None:
        ticket = self._draw(st.sampled_from(sorted(self._lots)))
        whole = int(self._lots[ticket] * 100)
        if whole > 1:
            closed = Decimal(self._draw(st.integers(1, whole - 1))) / 100
            self._lots[101 + 2 * now] = self._lots.pop(ticket) - closed
            amounts = {"lots": f"{closed:.2f}", "profit": f"{self._draw(CENTS):.2f}"}
            self.lines.append(line("partial_close", ticket, now, new_ticket=101 + 2 * now, **amounts))


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Positions that open, fill from pendings, change, close in parts; balance changes; events delivered twice."""
    story = Story(draw)
    for now in range(draw(st.integers(1, 25))):
        draw(st.sampled_from(story.possible()))(now)
        if draw(st.booleans()):
            story.lines.append(story.lines[-1])
    return recording(*story.lines)


def booked_at(book: Book) -> list[Decimal]:
    """Everything that changed the balance."""
    return [trade.amounts.net for trade in book.history] + [booking.amounts.net for booking in book.bookings]


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
    booked = booked_at(book)
    assert book.balance == sum(booked, Decimal(0))
    tickets = [trade.ticket for trade in book.history]
    assert len(tickets) == len(set(tickets))
    assert not set(tickets) & set(book.open)


@settings(max_examples=60, deadline=None)
@given(recordings(), st.sampled_from([Decimal("0.5"), Decimal(2), Decimal("1.25")]))
def test_a_scaled_follower_keeps_its_own_sums(made: Recording, factor: Decimal) -> None:
    trader = follower(made)
    asyncio.run(replayed(made, trader, factor=factor))
    booked = booked_at(trader.book)
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
