"""The provisioning document: what a deployment shall have, read strictly, with every mistake named by its place.

Only the text is judged here; what depends on rows is judged by the service. Mistakes never repeat key material.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from orders.domain.copies.repair_policies import ALLOWED
from orders.domain.decision.filters import FilterMistake, read_filters
from orders.domain.decision.inputs import LATE_SPAN, MAX_RISK_MULTIPLE, PENDING_WAIT, LatePolicy, MinLotsPolicy
from orders.domain.provisioning.access import ACCESS, AccessEntry, access_entry
from orders.domain.provisioning.entries import Mistake, Node, unique
from orders.domain.sizing.modes import Mode
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.snapshots import DifferenceKind
from sessions_app.domain.decimals import Lots, Money
from sessions_app.domain.keys import check_key
from sessions_app.domain.problems import Refused

DEFAULT_INTENT_RATE: Final = 20
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,85}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    path: str
    email: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    path: str
    material: str = field(repr=False)
    approved: bool = True
    retires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """`claimed_as` is the account id as the file writes it, `account_id` as it is compared."""

    path: str
    claimed_as: str
    account_id: str
    intent_rate: int
    keys: tuple[KeyEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEntry:
    """`state` is None where the file leaves it out: a new subscription is active, a known one stays as it is."""

    path: str
    claimed_as: str
    follower: str
    state: SubscriptionState | None
    mode: Mode
    multiplier: Decimal
    lots: Decimal | None
    fixed_master_base: Decimal | None
    fixed_follower_base: Decimal | None
    max_age_seconds: int
    max_lots: Decimal | None
    max_open_positions: int | None
    symbol_map: Mapping[str, str]
    prefix: str
    suffix: str
    filters: Mapping[str, Any]
    repairs: Mapping[str, str]
    reverse: bool
    late_policy: LatePolicy
    late_seconds: int
    deviation_points: int | None
    pending_wait_seconds: int
    min_lots_policy: MinLotsPolicy
    max_risk_multiple: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyEntry:
    path: str
    name: str
    master: str
    relay_copies: bool
    subscriptions: tuple[SubscriptionEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantEntry:
    path: str
    name: str
    members: tuple[MemberEntry, ...]
    accounts: tuple[AccountEntry, ...]
    strategies: tuple[StrategyEntry, ...]
    access: AccessEntry
    repairs: Mapping[str, str] | None


def read_document(document: object, *, roles: Collection[str]) -> tuple[tuple[TenantEntry, ...], list[Mistake]]:
    """The tenants of a document, and every mistake in its text; with mistakes the tenants are not to be used."""
    mistakes: list[Mistake] = []
    root = Node(document, "", mistakes)
    root.only("tenants")
    tenants = root.each("tenants", lambda node: _tenant(node, roles))
    unique(mistakes, ((tenant.path, "name", tenant.name) for tenant in tenants), "this tenant is in the file twice")
    accounts = ((a.path, "account_id", a.account_id) for tenant in tenants for a in tenant.accounts)
    unique(mistakes, accounts, "this account is in the file twice")
    return tenants, mistakes


# The parts of a document ---------------------------------------------------------------------------------------------


def _tenant(node: Node, roles: Collection[str]) -> TenantEntry:
    node.only("name", "members", "accounts", "strategies", "repairs", *ACCESS)
    tenant = TenantEntry(
        path=node.path,
        name=node.text("name", most=100),
        members=node.each("members", lambda member: _member(member, roles)),
        accounts=node.each("accounts", _account),
        strategies=node.each("strategies", _strategy),
        access=access_entry(node),
        repairs=_repairs(node),
    )
    emails = ((member.path, "email", member.email) for member in tenant.members)
    unique(node.mistakes, emails, "this member is in the file twice")
    names = ((strategy.path, "name", strategy.name) for strategy in tenant.strategies)
    unique(node.mistakes, names, "this strategy is in the file twice")
    return tenant


def _member(node: Node, roles: Collection[str]) -> MemberEntry:
    node.only("email", "role")
    email = node.text("email", most=150).lower()
    if email and _EMAIL.fullmatch(email) is None:
        node.mistake("email", "expected an e-mail address")
    role = node.text("role", most=32)
    if role and role not in roles:
        node.mistake("role", f"expected one of: {', '.join(sorted(roles))}")
    return MemberEntry(path=node.path, email=email, role=role)


def _account(node: Node) -> AccountEntry:
    node.only("account_id", "intent_rate", "keys")
    keys = node.each("keys", _key)
    unique(node.mistakes, ((key.path, "key", key.material) for key in keys), "this key is in the file twice")
    return AccountEntry(
        path=node.path,
        claimed_as=node.text("account_id", most=128),
        account_id=node.account("account_id"),
        intent_rate=node.integer("intent_rate", least=1, most=10_000, default=DEFAULT_INTENT_RATE),
        keys=keys,
    )


def _key(node: Node) -> KeyEntry:
    node.only("key", "approved", "retires_at")
    material = node.value("key", str, "")
    try:
        if material or not node.wrong("key"):
            check_key(material)
    except Refused as refusal:
        node.mistake("key", refusal.message)
    entry = KeyEntry(
        path=node.path,
        material=material,
        approved=node.value("approved", bool, True),
        retires_at=node.moment("retires_at"),
    )
    if entry.retires_at is not None and not entry.approved:
        node.mistake("retires_at", "only an approved key retires")
    return entry


def _strategy(node: Node) -> StrategyEntry:
    node.only("name", "master", "relay_copies", "subscriptions")
    subscriptions = node.each("subscriptions", _subscription)
    master = node.account("master")
    for entry in subscriptions:
        if entry.follower and entry.follower == master:
            node.mistakes.append(Mistake(f"{entry.path}.follower", "an account cannot copy itself"))
    followers = ((entry.path, "follower", entry.follower) for entry in subscriptions)
    unique(node.mistakes, followers, "this follower is in the strategy twice")
    return StrategyEntry(
        path=node.path,
        name=node.text("name", most=100),
        master=master,
        relay_copies=node.value("relay_copies", bool, False),
        subscriptions=subscriptions,
    )


_SUBSCRIPTION: Final = (
    "follower", "state", "mode", "multiplier", "lots", "fixed_master_base", "fixed_follower_base", "max_age_seconds",
    "max_lots", "max_open_positions", "symbol_map", "prefix", "suffix", "filters", "repairs", "reverse",
    "late_policy",
    "late_seconds", "deviation_points", "pending_wait_seconds", "min_lots_policy", "max_risk_multiple",
)  # fmt: skip
_LATE_SECONDS: Final = int(LATE_SPAN.total_seconds())
_WAIT_SECONDS: Final = int(PENDING_WAIT.total_seconds())


def _subscription(node: Node) -> SubscriptionEntry:
    node.only(*_SUBSCRIPTION)
    entry = SubscriptionEntry(
        path=node.path,
        claimed_as=node.text("follower", most=128),
        follower=node.account("follower"),
        state=node.choice("state", SubscriptionState, None),
        mode=node.choice("mode", Mode, Mode.MIRRORED),
        multiplier=node.positive("multiplier", Lots, Lots(1)),
        lots=node.positive("lots", Lots, None),
        fixed_master_base=node.positive("fixed_master_base", Money, None),
        fixed_follower_base=node.positive("fixed_follower_base", Money, None),
        max_age_seconds=node.integer("max_age_seconds", least=1, most=86_400, default=60),
        max_lots=node.positive("max_lots", Lots, None),
        max_open_positions=node.integer("max_open_positions", least=1, most=100_000, default=None),
        symbol_map=_symbol_map(node),
        prefix=node.text("prefix", most=16, default=""),
        suffix=node.text("suffix", most=16, default=""),
        filters=_filters(node),
        repairs=_repairs(node) or {},
        reverse=node.value("reverse", bool, False),
        late_policy=node.choice("late_policy", LatePolicy, LatePolicy.DENY),
        late_seconds=node.integer("late_seconds", least=60, most=604_800, default=_LATE_SECONDS),
        deviation_points=node.integer("deviation_points", least=1, most=1_000_000, default=None),
        pending_wait_seconds=node.integer("pending_wait_seconds", least=1, most=3600, default=_WAIT_SECONDS),
        min_lots_policy=node.choice("min_lots_policy", MinLotsPolicy, MinLotsPolicy.DENY),
        max_risk_multiple=node.positive("max_risk_multiple", Lots, Lots(MAX_RISK_MULTIPLE)),
    )
    if entry.max_risk_multiple < 1:
        node.mistake("max_risk_multiple", "expected 1 or more")
    if entry.mode is Mode.FIXED_LOTS and entry.lots is None and not node.wrong("lots"):
        node.mistake("lots", "fixed_lots needs lots above 0")
    return entry


def _symbol_map(node: Node) -> Mapping[str, str]:
    symbols = node.value("symbol_map", dict, {})
    for master, follower in symbols.items():
        if not (isinstance(follower, str) and 0 < len(follower) <= 64 and 0 < len(master) <= 64):
            node.mistake("symbol_map", "expected symbol names of 1 to 64 characters")
            return {}
    return symbols


def _repairs(node: Node) -> Mapping[str, str] | None:
    """What is done about differences, by their kind; None if the file does not say."""
    named: Mapping[str, str] | None = node.value("repairs", dict, None)
    for kind, policy in (named or {}).items():
        allowed = sorted(ALLOWED[DifferenceKind(kind)]) if kind in list(DifferenceKind) else None
        if allowed is None:
            node.mistake("repairs", f"no difference is called {kind[:40]!r}")
        elif policy not in allowed:
            node.mistake(f"repairs.{kind}", f"expected one of {', '.join(allowed)}")
    return named


def _filters(node: Node) -> Mapping[str, Any]:
    content: Mapping[str, Any] = node.value("filters", dict, {})
    try:
        read_filters(content)
    except FilterMistake as mistake:
        node.mistake(f"filters.{mistake.path}" if mistake.path else "filters", str(mistake))
    return content
