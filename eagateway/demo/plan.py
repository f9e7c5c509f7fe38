"""The demo's cast: one master and three followers, as a provisioning document and as paper terminals."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from eagateway_sdk.paper.recording import BrokenRecording, Recording

from orders.domain.decision.symbols import detect_affixes, plain_name

STRATEGY: Final = "Recorded account"
TENANT: Final = "Demo"
SUFFIX: Final = ".r"
SCALE: Final = 10
INTENT_RATE: Final = 2000
_DEFAULT_BASE: Final = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Part:
    """One account of the demo. `rename`: its broker's names for the recorded symbols."""

    name: str
    account_id: str
    auth_key: str
    balance: Decimal | None
    rename: Mapping[str, str]


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
    """The cast for a recording: mirrored; ten times larger with other symbol names; fixed lots."""
    base = starting_balance(recording)
    symbols = recording.account.symbols
    affixes = detect_affixes(symbols)
    other = {name: plain_name(name, affixes) + SUFFIX for name in symbols}
    ambiguous = {name: other[name] for name in symbols if list(other.values()).count(other[name]) > 1}
    smallest = min((spec.lots_min for spec in symbols.values()), default=Decimal("0.01"))
    master = _part("master", "Recorded-Live:1001", recording.account.starting_balance, {})
    mirrored = _part("mirrored", "Paper-Demo01:2001", recording.account.starting_balance, {})
    larger = _part("ten times larger", "Paper-Demo02:2002", base * SCALE, other)
    fixed = _part("fixed lots", "Paper-Demo03:2003", base, {})
    subscriptions: list[dict[str, Any]] = [
        {"follower": mirrored.account_id, "mode": "mirrored"},
        {
            "follower": larger.account_id,
            "mode": "balance_ratio",
            "fixed_master_base": str(base),
            "fixed_follower_base": str(base * SCALE),
            "suffix": SUFFIX,
            "symbol_map": ambiguous,
        },
        {"follower": fixed.account_id, "mode": "fixed_lots", "lots": format(smallest, "f")},
    ]
    return Plan(master, (mirrored, larger, fixed), _document(master, (mirrored, larger, fixed), subscriptions))


def starting_balance(recording: Recording) -> Decimal:
    """The account's starting balance, else its first balance row, else a round figure."""
    if recording.account.starting_balance:
        return recording.account.starting_balance
    try:
        first = next((event.net for event in recording.events() if event.ev == "balance"), None)
    except BrokenRecording:
        first = None  # the replay will name the line
    return first if first is not None and first > 0 else _DEFAULT_BASE


def _part(name: str, account_id: str, balance: Decimal | None, rename: Mapping[str, str]) -> Part:
    return Part(name, account_id, secrets.token_urlsafe(32), balance, rename)


def _document(master: Part, followers: Sequence[Part], subscriptions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    accounts = [{"account_id": master.account_id, "intent_rate": INTENT_RATE}]
    accounts += [{"account_id": follower.account_id} for follower in followers]
    strategy = {"name": STRATEGY, "master": master.account_id, "subscriptions": list(subscriptions)}
    member = {"email": "tenant-admin@demo.test", "role": "admin"}
    return {"tenants": [{"name": TENANT, "members": [member], "accounts": accounts, "strategies": [strategy]}]}
