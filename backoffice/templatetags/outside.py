"""How values are shown: what comes from outside as text and nothing else, decimals plainly, moments by the own clock of
whoever looks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.translation import gettext

from backoffice.own_clock import (
    TO_THE_MINUTE,
    TO_THE_SECOND,
    clock,
    own_zone,
    utc_midnight,
    zone_in_words,
)
from backoffice.terminals import in_words
from sessions_app.domain.decimals import plain
from sessions_app.domain.keys import grouped
from sessions_app.domain.texts import legible
from sessions_app.domain.zones import UTC_NAME

register = template.Library()
NOTHING: Final = "\N{EN DASH}"


@register.filter
def outside(value: Any) -> str:
    """A text that an EA, a broker or a person wrote: escaped and isolated, its unseen characters written out. Isolation
    alone is not enough: a mark that begins an isolate takes the end of its element for its own, and what stands beside
    it is turned round all the same."""
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return NOTHING if value in (None, "") else format_html("<bdi>{}</bdi>", legible(value))


@register.filter
def exact(value: Decimal | None) -> str:
    """Prices and factors: all digits, no trailing zeros."""
    return NOTHING if value is None else plain(value)


@register.filter
def lots(value: Decimal | None) -> str:
    """All digits, two at least, as terminals show lots: 1.00, 0.015."""
    if value is None:
        return NOTHING
    whole, _, part = plain(value).partition(".")
    return f"{whole}.{part:0<2}"


@register.filter
def money(value: Decimal | None, currency: str = "") -> str:
    """An amount with two decimals and groups of thousands, and its currency where the account's EA has said it."""
    if value is None:
        return NOTHING
    return format_html("{} {}", f"{value:,.2f}", outside(currency)) if currency else f"{value:,.2f}"


@register.filter
def change(percent: Decimal) -> str:
    """A change in percent with its sign: `+0.99 %`."""
    return f"{percent:+.2f} %"


@register.filter
def moment(value: datetime | None) -> str:
    """A moment to the second."""
    return _time(value, TO_THE_SECOND)


@register.filter
def instant(value: datetime | None) -> str:
    """A moment to the millisecond, where hops are meant."""
    return NOTHING if value is None else _time(value, f"%H:%M:%S.{value.microsecond // 1000:03}")


@register.filter
def lasting(value: timedelta | None) -> str:
    """A time span in words: `12 s`, `3 min`."""
    return NOTHING if value is None else in_words(value)


_BROWSERS: Final = ("Edg", "OPR", "SamsungBrowser", "Firefox", "Chrome", "Safari")
_SYSTEMS: Final = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "CrOS", "Linux")
_CALLED: Final = {"Edg": "Edge", "OPR": "Opera", "SamsungBrowser": "Samsung Internet", "Mac OS": "macOS"}


@register.filter
def browser(agent: str) -> str:
    """What a browser says of itself, in words: "Firefox on Windows"."""
    name = next((one for one in _BROWSERS if one in agent), "Another program")
    system = next((one for one in _SYSTEMS if one in agent), "")
    called = gettext(name) if name not in _BROWSERS else _CALLED.get(name, name)
    if not system:
        return called
    return gettext("%(browser)s on %(system)s") % {"browser": called, "system": _CALLED.get(system, system)}


@register.filter
def key_code(code: str) -> str:
    """A key's code as its owner reads it out: `4f2a 91c0`."""
    return grouped(code)


@register.filter
def words(value: Any) -> str:
    """A name of the code as words: `close_only` is "close only"."""
    return str(value or NOTHING).replace("_", " ")


STATES: Final = {"noop": "nothing to do", "active": "active", "close_only": "paused", "off": "switched off"}
"""Outcomes and states whose names mean something to us alone, or something else."""
SAID: Final = {
    **STATES,
    "subscription_close_only": "the subscription was paused",
    "guards": "limits",
    "command": "by the gateway's command",
    "gone": "was no longer in the account",
    "detached": "left to its owner",
}
"""These, and causes, reasons and steps likewise."""


@register.filter
def said(value: str) -> str:
    """A state, an outcome, an act or a cause as people read it: what is no name of ours stays as it is."""
    return gettext(SAID.get(value, words(value)))


@register.filter
def in_language(text: str) -> str:
    """A text of ours that stands in a table, in the language of whoever looks."""
    return gettext(text) if text else ""


def _time(value: datetime | None, style: str) -> str:
    if value is None:
        return NOTHING
    title = f"{value.astimezone(UTC):{TO_THE_SECOND}} UTC"  # as logs, exports and programs have it
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, clock(value, style))


@register.simple_tag
def zone() -> str:
    """The zone of the times on this page, and how far it is from UTC."""
    return zone_in_words()


@register.simple_tag
def zone_name() -> str:
    """The zone alone, beside a time."""
    return own_zone().key


@register.simple_tag
def day_begins(at: datetime) -> str:
    """When the UTC day of this moment has begun, by the clock of whoever looks. Empty where that is UTC too."""
    return "" if own_zone().key == UTC_NAME else clock(utc_midnight(at), TO_THE_MINUTE)
