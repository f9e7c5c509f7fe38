"""The tape: what a recording knows of the future, for paper terminals that copy the recorded account."""

from collections import defaultdict
from decimal import Decimal
from typing import Final

import msgspec

from eagateway_sdk.paper.recording import BrokenRecording, Event, Recording

_CLOSING: Final = frozenset({"close", "partial_close"})


class Tape:
    """Recorded opens and closes by position_id, the first ticket of the lineage. Reads up to the first broken line.

    Events delivered twice count once. Nothing here changes after the reading: many terminals can share a tape.
    """

    def __init__(self, recording: Recording) -> None:
        self.closes: dict[int, list[Event]] = defaultdict(list)
        self.opens: dict[int, Event] = {}
        self.last_stops: dict[int, tuple[Decimal, Decimal]] = {}
        self.market_opens = False
        self.broken: BrokenRecording | None = None
        self._first_ticket: dict[int, int] = {}
        seen: set[tuple[str, int]] = set()
        try:
            for event in recording.events():
                if event.ev == "modify":
                    self._take_stops(event)
                elif (event.ev, event.ticket) not in seen:
                    seen.add((event.ev, event.ticket))
                    self._take(event)
        except BrokenRecording as error:
            self.broken = error

    def _take(self, event: Event) -> None:
        position_id = self.position_id(event.ticket)
        if event.ev in ("open", "activate"):
            self.opens[position_id] = event
            self.market_opens |= event.ev == "open"
        if event.ev in _CLOSING:
            self.closes[position_id].append(
                event if event.lots else msgspec.structs.replace(event, lots=self._left(position_id))
            )
        if event.new_ticket:
            self._first_ticket[event.new_ticket] = position_id

    def _left(self, position_id: int) -> Decimal:
        """The lots of a position that no recorded close has taken: a close of 0.00 lots takes all of them."""
        opened = self.opens.get(position_id)
        return (opened.lots if opened else Decimal(0)) - sum(event.lots for event in self.closes[position_id])

    def _take_stops(self, event: Event) -> None:
        """`last_stops`: what the last change of an open position set; working orders do not count."""
        position_id = self.position_id(event.ticket)
        if position_id in self.opens:
            self.last_stops[position_id] = (event.sl, event.tp)

    def position_id(self, ticket: int) -> int:
        """The first ticket of the lineage that `ticket` belongs to."""
        return self._first_ticket.get(ticket, ticket)

    def close_at(self, position_id: int, place: int) -> Event | None:
        """The recorded close or partial close number `place` (from 0) of a position, or None."""
        closes = self.closes.get(position_id, [])
        return closes[place] if place < len(closes) else None

    def open_price(self, position_id: int) -> Decimal | None:
        """The recorded opening price, or None."""
        event = self.opens.get(position_id)
        return event.price if event else None
