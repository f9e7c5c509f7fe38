"""Names that no payload has, near one that it has: `stoploss`, where `sl` was meant, is a trade without its stop.

Unknown fields are ignored, for a newer client may have them. Only those that look like a slip are told.
"""

import difflib
import re
from functools import cache, lru_cache
from typing import Final, TypeVar, cast

import msgspec

from sessions_app.domain.frames.mending import Note
from sessions_app.domain.frames.payloads import Payload

P = TypeVar("P", bound=Payload)
# A frame may have thousands of names, and each costs a search.
MOST: Final = 4
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)
_NEAR: Final = 0.8
# What terminals call them, where the letters alone do not tell.
_ALSO_CALLED: Final = {
    "sl": ("stoploss", "stop", "slprice"),
    "tp": ("takeprofit", "target", "tpprice", "profitprice"),
    "lots": ("volume", "size", "quantity", "qty", "amount"),
    "side": ("type", "direction", "cmd"),
    "price": ("openprice", "closeprice", "entry", "rate"),
    "magic": ("magicnumber", "expertid"),
    "ticket": ("order", "orderid", "orderticket"),
    "position_id": ("position", "positionticket"),
    "expiry": ("expiration",),
    "symbol": ("instrument", "pair"),
}
_READ: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@cache
def strict(kind: type[P]) -> type[P]:
    """The same payload, which refuses a name that it does not have. It decodes as fast, and is one of its kind."""
    made = msgspec.defstruct(
        kind.__name__, [], bases=(kind,), module=kind.__module__,
        kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True,
    )  # fmt: skip
    return cast(type[P], made)


def slips(kind: type[Payload], raw: bytes) -> tuple[Note, ...]:
    """The first few names of a payload that are none of its kind's, and which one may be meant."""
    try:
        names = _READ.decode(raw).keys()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    unknown = [name for name in names if name not in kind.__struct_encode_fields__][:MOST]
    meant = {name: _meant(kind, name) for name in unknown if _NAME.fullmatch(name)}
    return tuple(
        Note(f"$.{name}", f"there is no such field: did you mean `{near}`?", code="unknown_field")
        for name, near in meant.items()
        if near
    )


@lru_cache(maxsize=1024)  # a program makes the same slip in every frame
def _meant(kind: type[Payload], name: str) -> str:
    told = _plain(name)
    spelt = {_plain(field): field for field in kind.__struct_encode_fields__}
    also = {other: field for field in spelt.values() for other in _ALSO_CALLED.get(field, ())}
    if told in spelt or told in also:
        return spelt.get(told) or also[told]
    near = difflib.get_close_matches(told, spelt, n=1, cutoff=_NEAR)
    return spelt[near[0]] if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()
