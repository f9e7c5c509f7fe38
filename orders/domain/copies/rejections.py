"""What a broker's refusal means: one table from error numbers to classes, and when each class is tried again.

The numbers are those of MQL4's trade errors and of MQL5's trade return codes, which do not overlap.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Rejection(StrEnum):
    """Why a broker has refused an order, as far as it decides what comes next."""

    PRICE = "price"
    BUSY = "busy"
    STOPS = "stops"
    MONEY = "money"
    MARKET_CLOSED = "market_closed"
    LOTS = "lots"
    EXPIRY = "expiry"
    UNKNOWN = "unknown"
    OTHER = "other"


_NUMBERS: Final[Mapping[Rejection, tuple[int, ...]]] = {
    # invalid price, price changed, off quotes, requote
    Rejection.PRICE: (129, 135, 136, 138, 10004, 10015, 10020, 10021),
    # server or broker busy, no connection, too many requests, trade context busy, frozen close to the market
    Rejection.BUSY: (4, 6, 8, 137, 141, 145, 146, 10024, 10028, 10029, 10031),
    Rejection.STOPS: (130, 10016),
    Rejection.MONEY: (134, 10019),
    Rejection.MARKET_CLOSED: (132, 133, 10017, 10018),
    Rejection.LOTS: (131, 10014),
    Rejection.EXPIRY: (147, 10022),
    # time out, order accepted, order in process: it may be executed all the same
    Rejection.UNKNOWN: (128, 142, 143, 10012),
}
_CLASSES: Final[Mapping[int, Rejection]] = {
    number: rejection for rejection, numbers in _NUMBERS.items() for number in numbers
}

MAX_OPENINGS: Final = 3
"""How often one opening may be ordered, whatever the broker or the EA says; and once more for each that it was refused
for and that is left out then."""
_MINUTE: Final = timedelta(minutes=1)
_GROWING: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 15, 30))
_STOPS_PAUSE: Final = timedelta(seconds=15)
_OPENS_AGAIN: Final = timedelta(seconds=15)


def classify(error_code: int | None) -> Rejection:
    """The class of a broker's error number; OTHER for one that the table does not know, or for none."""
    return Rejection.OTHER if error_code is None else _CLASSES.get(error_code, Rejection.OTHER)


def may_have_happened(error_code: int | None) -> bool:
    """Whether a "rejected" with this number is no answer: the order may be executed all the same."""
    return classify(error_code) is Rejection.UNKNOWN


def pause_before_closing(rejection: Rejection, tries: int) -> timedelta:
    """How long to wait before a close is tried again, after so many tries in vain.

    Seconds at first, then a minute each time, without end: a position that shall end is money at risk. A closed market
    is asked once more soon, for breaks at the turn of a day or a session last seconds, and every minute then.
    """
    if rejection is Rejection.MARKET_CLOSED and tries == 1:
        return _OPENS_AGAIN
    # None of these changes within seconds: asking more often only tires the broker.
    if rejection in (Rejection.MARKET_CLOSED, Rejection.MONEY, Rejection.OTHER):
        return _MINUTE
    return _growing(tries)


def pause_before_moving(rejection: Rejection, tries: int) -> timedelta:
    """How long to wait before stops are set again, after so many tries in vain."""
    # The price has to come to where the stop may stand: asking more often only tires the broker.
    if rejection is Rejection.STOPS:
        return _STOPS_PAUSE
    return pause_before_closing(rejection, tries)


def pause_before_opening(rejection: Rejection, tries: int) -> timedelta | None:
    """How long to wait before a refused opening is ordered again; None for never.

    A price that moved is asked for again at once, with the deviation as the bound. What the broker says of money, lots
    or a closed market will not change while the signal is young.
    """
    # The same order without what it was refused for: whether it is that, and no further try, the caller knows.
    if rejection in (Rejection.STOPS, Rejection.EXPIRY):
        return timedelta(0)
    if tries >= MAX_OPENINGS:
        return None
    if rejection is Rejection.PRICE:
        return timedelta(0)
    return _growing(tries) if rejection is Rejection.BUSY else None


def _growing(tries: int) -> timedelta:
    return _GROWING[tries - 1] if 0 < tries <= len(_GROWING) else _MINUTE if tries else timedelta(0)
