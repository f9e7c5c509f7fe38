"""Which of the master's trades a subscription copies at all. Filters look at what adds exposure, never at what follows.

The settings are one JSON object, read strictly by `read_filters`. Everything is about the master's own order: its
symbol, side and lots, before mapping, reversing and sizing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from orders.domain.decision.symbols import NO_AFFIXES, Affixes, plain_name
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.intents import OrderIntent, OrderType, Side
from sessions_app.domain.decimals import Lots, decode_hook
from sessions_app.domain.frames.faults import split_path
from sessions_app.domain.said import say

# Every pattern is tried on every signal, in the batch that the other followers wait for.
MOST: Final = 200
Pattern = Annotated[str, Meta(min_length=1, max_length=64)]
Clock = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
MagicRange = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.\.-?[0-9]{1,20})?$")]
Patterns = Annotated[list[Pattern], Meta(max_length=MOST)]
Magics = Annotated[list[MagicRange], Meta(max_length=MOST)]


class Day(StrEnum):
    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


WEEK: Final = tuple(Day)


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the day, on the days that they begin, every day if none is named; `until` before `since` goes over
    midnight."""

    days: list[Day] = []
    since: Clock = "00:00"
    until: Clock = "24:00"


class Filters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subscription's filters; what is left out filters nothing. Deny wins over allow.

    Patterns know `*` and `?`, and no case. Magic numbers are texts, `7` or `100..199`. A magic number that the master's
    terminal leaves out counts as 0, a comment as empty, as MT4 has them on orders by hand.
    """

    symbols_allow: Patterns = []
    symbols_deny: Patterns = []
    sides: list[Side] = []
    order_types: list[OrderType] = []
    magics_allow: Magics = []
    magics_deny: Magics = []
    comments_allow: Patterns = []
    comments_deny: Patterns = []
    lots_least: Lots | None = None
    lots_most: Lots | None = None
    hours: Annotated[list[Window], Meta(max_length=50)] = []
    time_zone: str = "UTC"
    sl_required: bool = False
    tp_required: bool = False


NO_FILTERS: Final = Filters()


class FilterMistake(Exception):
    """The settings are no filters; `path` is the place inside them, such as `hours[0].since`."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.message, self.path = message, path


def read_filters(content: Mapping[str, Any]) -> Filters:
    """Filters from their JSON object.

    :raises FilterMistake: an unknown field, a wrong value, an unknown time zone
    """
    # The usual case, on every intent: no object is made for it.
    if not content:
        return NO_FILTERS
    try:
        filters = msgspec.convert(content, Filters, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        message, path = split_path(str(error))
        place = (path or "").removeprefix("$").removeprefix(".")
        raise FilterMistake(_in_our_words(message[:1].lower() + message[1:]), place) from error
    _check_consistency(filters)
    return filters


def _in_our_words(message: str) -> str:
    """What the message library says, as a sentence that can be said in another language; its English stays the same."""
    for pattern, said in _LIBRARYS.items():
        found = pattern.fullmatch(message)
        if found is not None:
            return said(found)
    return message


_LIBRARYS: Final[Mapping[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    re.compile(r"object contains unknown field `([^`]*)`"): lambda found: say(
        "object contains unknown field `%(name)s`", name=found[1]
    ),
    re.compile(r"expected `([^`]*)`, got `([^`]*)`"): lambda found: say(
        "expected `%(wanted)s`, got `%(got)s`", wanted=found[1], got=found[2]
    ),
    re.compile(r"invalid enum value (.*)"): lambda found: say("invalid enum value %(value)s", value=found[1]),
    re.compile(r"expected `([^`]*)` of length (\S+) (\d+)"): lambda found: say(
        "expected `%(wanted)s` of length %(sign)s %(length)s", wanted=found[1], sign=found[2], length=found[3]
    ),
    re.compile(r"expected `([^`]*)` matching regex (.*)"): lambda found: say(
        "expected `%(wanted)s` matching regex %(regex)s", wanted=found[1], regex=found[2]
    ),
}


def filter_mistakes(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The first mistake of these filters, if there is one: its place inside them, and what was expected there."""
    try:
        read_filters(content)
    except FilterMistake as mistake:
        yield mistake.path, mistake.message


def _check_consistency(filters: Filters) -> None:
    """What no single field shows."""
    for number, window in enumerate(filters.hours):
        # An hour that begins when it ends would be never, or always: nobody can tell which was meant.
        if window.since in (window.until, "24:00"):
            raise FilterMistake(say("expected a beginning before 24:00 and another end"), f"hours[{number}]")
    if filters.lots_least is not None and filters.lots_most is not None and filters.lots_least > filters.lots_most:
        raise FilterMistake(say("expected at most `lots_most`"), "lots_least")
    for name in ("magics_allow", "magics_deny"):
        for number, item in enumerate(getattr(filters, name)):
            low, high = _bounds(item)
            if low > high:
                raise FilterMistake(say("expected a range from low to high"), f"{name}[{number}]")
    try:
        _zone(filters.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FilterMistake(say("expected an IANA time zone such as Europe/Berlin"), "time_zone") from error


@cache
def _zone(name: str) -> ZoneInfo:
    # Kept, because a zone is read from a file, and this is asked for every intent.
    return ZoneInfo(name)


def check_filters(
    filters: Filters, intent: OrderIntent, *, occurred_at: datetime, affixes: Affixes = NO_AFFIXES
) -> dict[str, Any]:
    """Run every filter that is set; what the filters looked at. `affixes`: those of the master's broker.

    :raises Denied: the first filter that refuses
    """
    if filters == NO_FILTERS:
        return {"filters": 0}
    evidence: dict[str, Any] = {}
    for check in _CHECKS:
        evidence |= check(filters, intent, occurred_at, affixes)
    return evidence


_Check = Callable[[Filters, OrderIntent, datetime, Affixes], dict[str, Any]]


def _symbol(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    # People write EURUSD, also where the master's broker calls it m.EURUSD.
    names = (intent.symbol, plain_name(intent.symbol, affixes))
    return _listed(Code.FILTERED_SYMBOL, "symbol", names, filters.symbols_allow, filters.symbols_deny)


def _comment(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    texts = (intent.comment or "",)
    return _listed(Code.FILTERED_COMMENT, "comment", texts, filters.comments_allow, filters.comments_deny)


def _listed(code: Code, what: str, texts: tuple[str, ...], allow: list[Pattern], deny: list[Pattern]) -> dict[str, Any]:
    if not allow and not deny:
        return {}
    refused = next((pattern for pattern in deny if any(matches(pattern, text) for text in texts)), None)
    if refused is not None:
        raise Denied(code, **{what: texts[0]}, denied_by=refused)
    if allow and not any(matches(pattern, text) for pattern in allow for text in texts):
        raise Denied(code, **{what: texts[0]}, allowed=list(allow[:10]))
    return {what: texts[0]}


def _side(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    if not filters.sides:
        return {}
    if intent.side not in filters.sides:
        raise Denied(Code.FILTERED_SIDE, side=intent.side, allowed=[side.value for side in filters.sides])
    return {"side": intent.side}


def _order_type(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    if not filters.order_types:
        return {}
    if intent.order_type not in filters.order_types:
        allowed = [kind.value for kind in filters.order_types]
        raise Denied(Code.FILTERED_ORDER_TYPE, order_type=intent.order_type, allowed=allowed)
    return {"order_type": intent.order_type}


def _magic(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    # MT4 has orders by hand without a magic number as 0.
    magic = intent.magic or 0
    if not filters.magics_allow and not filters.magics_deny:
        return {}
    if any(_within(magic, item) for item in filters.magics_deny):
        raise Denied(Code.FILTERED_MAGIC, magic=magic)
    if filters.magics_allow and not any(_within(magic, item) for item in filters.magics_allow):
        raise Denied(Code.FILTERED_MAGIC, magic=magic)
    return {"magic": magic}


def _within(magic: int, item: MagicRange) -> bool:
    low, high = _bounds(item)
    return low <= magic <= high


@cache
def _bounds(item: MagicRange) -> tuple[int, int]:
    low, _, high = item.partition("..")
    return int(low), int(high or low)


def _lots(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    least, most = filters.lots_least, filters.lots_most
    if least is None and most is None:
        return {}
    lots = intent.lots or Decimal(0)
    evidence = {"master_lots": lots, "lots_least": least, "lots_most": most}
    if (least is not None and lots < least) or (most is not None and lots > most):
        raise Denied(Code.FILTERED_LOTS, **evidence)
    return evidence


def _hours(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    if not filters.hours:
        return {}
    local = at.astimezone(_zone(filters.time_zone))
    evidence = {"local_time": local.strftime("%a %H:%M:%S"), "time_zone": filters.time_zone}
    if not any(_inside(window, local) for window in filters.hours):
        raise Denied(Code.OUTSIDE_TRADING_HOURS, **evidence)
    return evidence


def _inside(window: Window, local: datetime) -> bool:
    """Compared on the wall clock of the zone: an hour that summer time repeats is inside twice, a skipped one never."""
    days, clock, today = window.days or WEEK, local.strftime("%H:%M"), WEEK[local.weekday()]
    if window.since < window.until:
        return today in days and window.since <= clock < window.until
    # A window over midnight belongs to the day on which it began.
    yesterday = WEEK[(local.weekday() - 1) % len(WEEK)]
    return (today in days and clock >= window.since) or (yesterday in days and clock < window.until)


def _stops(filters: Filters, intent: OrderIntent, at: datetime, affixes: Affixes) -> dict[str, Any]:
    if filters.sl_required and not intent.sl:
        raise Denied(Code.STOP_LOSS_REQUIRED)
    if filters.tp_required and not intent.tp:
        raise Denied(Code.TAKE_PROFIT_REQUIRED)
    return {}


_CHECKS: Final[tuple[_Check, ...]] = (_symbol, _side, _order_type, _magic, _comment, _lots, _hours, _stops)


def matches(pattern: str, text: str) -> bool:
    """Whether `text` fits a pattern of `*` and `?`, without case; at most len(pattern) x len(text) steps."""
    # Not fnmatch: it takes `[` for the beginning of a set of characters, and names and comments may hold one.
    pattern, text = pattern.casefold(), text.casefold()
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            # The only place to come back to: a later star covers whatever an earlier one could.
            star, resume = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
