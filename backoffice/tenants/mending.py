"""Where a member mends what kept a trade from being copied: beside each denial stands the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.utils.translation import gettext

from backoffice.foreign import legible
from backoffice.tenants.pages import Visit
from orders.domain.states.denials import Code
from orders.models import Decision

LACKS_NAME: Final = (Code.SYMBOL_NOT_FOUND, Code.SYMBOL_AMBIGUOUS)
_SETTINGS: Final[Mapping[str, str]] = {
    Code.SIGNAL_TOO_OLD: "max_age_seconds",
    Code.PRICE_DEVIATION: "deviation_points",
    Code.ALLOCATION_BASE_UNUSABLE: "mode",
    Code.ALLOCATION_RATE_UNCLEAR: "mode",
    Code.CONTRACT_SIZES_DIFFER: "contract_size",
    Code.BELOW_MINIMUM_LOTS: "min_lots_policy",
    Code.ABOVE_MAXIMUM_LOTS: "max_lots",
    Code.ABOVE_CEILING: "multiplier",
    Code.MAX_OPEN_POSITIONS: "max_open_positions",
    **dict.fromkeys(
        (
            Code.FILTERS_UNREADABLE, Code.FILTERED_SYMBOL, Code.FILTERED_SIDE, Code.FILTERED_ORDER_TYPE,
            Code.FILTERED_MAGIC, Code.FILTERED_COMMENT, Code.FILTERED_LOTS, Code.OUTSIDE_TRADING_HOURS,
            Code.STOP_LOSS_REQUIRED, Code.TAKE_PROFIT_REQUIRED,
        ),
        "filters",
    ),
}  # fmt: skip
"""The setting of the subscription that said no."""
_TERMINALS: Final = (Code.FOLLOWER_NOT_READY, Code.ALLOCATION_DATA_MISSING, Code.ALLOCATION_DATA_STALE)
"""What the follower's terminal has not told."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What can be done, and where; without an address somebody else does it."""

    words: str
    address: str = ""


def remedy(visit: Visit, decision: Decision, *, called: str = "") -> Remedy | None:
    """Of a denied trade, whose subscription and intent are read already; None where nothing is in members' hands.

    `called`: what the follower calls the trade's symbol by now, where that is asked.
    """
    code = decision.code
    if code in LACKS_NAME:
        if called:
            return Remedy(gettext("The next one is copied as %(name)s.") % {"name": legible(called)})
        return mapping(visit, decision.subscription_id, decision.intent.symbol)
    if code in _SETTINGS:
        return _setting(visit, decision.subscription_id, gettext("Change the setting…"), at=_SETTINGS[code])
    if code == Code.SUBSCRIPTION_CLOSE_ONLY and visit.may("tenants:resume"):
        return Remedy(gettext("Resume…"), visit.address("tenants:resume", decision.subscription_id))
    if code in _TERMINALS:
        address = visit.address("tenants:account", decision.subscription.follower_id)
        return Remedy(gettext("Look at the account"), address)
    return None


def mapping(visit: Visit, subscription_id: UUID, symbol: str) -> Remedy:
    """To the subscription's symbol map, in which the master's name of the symbol stands already."""
    return _setting(visit, subscription_id, gettext("Map it…"), at="symbol_map", map=symbol)


def mapping_to(visit: Visit, subscription_id: UUID, symbol: str, name: str) -> Remedy:
    """The same, with the follower's name of it behind."""
    return _setting(visit, subscription_id, legible(name), at="symbol_map", map=symbol, to=name)


def _setting(visit: Visit, subscription_id: UUID, words: str, **where: str) -> Remedy:
    if not visit.may("tenants:edit_subscription"):
        return Remedy(gettext("An admin or owner of this tenant can change that."))
    edit = visit.address("tenants:edit_subscription", subscription_id)
    return Remedy(words, f"{edit}?{urlencode(where)}#id_{where['at']}")
