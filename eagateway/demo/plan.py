"""The demo's plan: one master and three followers, as a provisioning document and as paper terminals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from eagateway_sdk.paper.recording import BrokenRecording, Recording

from eagateway.demo.cast import FIXED, RATIO, Copying, Part, part, with_extras
from orders.domain.decision.symbols import detect_affixes, plain_name

STRATEGY: Final = "Recorded account"
TENANT: Final = "Demo"
SUFFIX: Final = ".r"
SCALE: Final = 10
INTENT_RATE: Final = 2000
_DEFAULT_BASE: Final = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everybody, and what the deployment must know of them. `late`: who is approved after half of the events."""

    master: Part
    followers: Sequence[Part]
    document: Mapping[str, Any]

    @property
    def late(self) -> Part:
        return self.followers[-1]


def plan(recording: Recording) -> Plan:
    """The cast for a recording: mirrored; ten times larger with other symbol names; fixed lots.

    :raises BrokenRecording: its cast.json is wrong
    """
    base = starting_balance(recording)
    symbols = recording.account.symbols
    affixes = detect_affixes(symbols)
    other = {name: plain_name(name, affixes) + SUFFIX for name in symbols}
    ambiguous = {name: other[name] for name in symbols if list(other.values()).count(other[name]) > 1}
    smallest = min((spec.lots_min for spec in symbols.values()), default=Decimal("0.01"))
    own = recording.account.starting_balance
    master = part("master", "Recorded-Live:1001", own, {}, Copying())
    ratio = Copying(RATIO, master_base=base, follower_base=base * SCALE)
    followers = with_extras(
        [
            part("mirrored", "Paper-Demo01:2001", own, {}, Copying()),
            part("ten times larger", "Paper-Demo02:2002", base * SCALE, other, ratio),
            part("fixed lots", "Paper-Demo03:2003", base, {}, Copying(FIXED, lots=smallest)),
        ],
        recording,
    )
    names = {"suffix": SUFFIX, "symbol_map": ambiguous}
    subscriptions = [_subscription(one, names if one.rename else {}) for one in followers]
    return Plan(master, followers, _document(master, followers, subscriptions))


def _subscription(follower: Part, names: Mapping[str, Any]) -> Mapping[str, Any]:
    copying = follower.copying
    settings: dict[str, Any] = {"follower": follower.account_id, "mode": copying.mode, **names}
    if copying.mode == RATIO:
        settings["fixed_master_base"] = str(copying.master_base)
        settings["fixed_follower_base"] = str(copying.follower_base)
    if copying.mode == FIXED:
        settings["lots"] = format(copying.lots, "f")
    if copying.max_lots is not None:
        settings["max_lots"] = format(copying.max_lots, "f")
    return settings


def starting_balance(recording: Recording) -> Decimal:
    """The account's starting balance, else its first balance row, else a round figure."""
    if recording.account.starting_balance:
        return recording.account.starting_balance
    try:
        first = next((event.net for event in recording.events() if event.ev == "balance"), None)
    except BrokenRecording:
        first = None  # the replay will name the line
    return first if first is not None and first > 0 else _DEFAULT_BASE


def _document(master: Part, followers: Sequence[Part], subscriptions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    accounts = [{"account_id": master.account_id, "intent_rate": INTENT_RATE}]
    accounts += [{"account_id": follower.account_id} for follower in followers]
    strategy = {"name": STRATEGY, "master": master.account_id, "subscriptions": list(subscriptions)}
    member = {"email": "tenant-admin@demo.test", "role": "owner"}
    return {"tenants": [{"name": TENANT, "members": [member], "accounts": accounts, "strategies": [strategy]}]}
