"""The provisioning document: what a deployment shall have, read strictly, with every mistake named by its place.

Only the text is judged here; what depends on rows is judged by the service. Mistakes never repeat key material.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from orders.domain.copies.repair_policies import policy_mistakes
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.access import ACCESS, AccessEntry, access_entry
from orders.domain.provisioning.entries import Mistake, Node, unique
from orders.domain.provisioning.settings import read_settings
from orders.domain.states.subscriptions import SubscriptionState
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
    # What is printed of an entry may end in a log, where no key belongs.
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
    settings: Settings


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
        repairs=node.content("repairs", policy_mistakes, None),
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


def _subscription(node: Node) -> SubscriptionEntry:
    return SubscriptionEntry(
        path=node.path,
        claimed_as=node.text("follower", most=128),
        follower=node.account("follower"),
        state=node.choice("state", SubscriptionState, None),
        settings=read_settings(node, SETTINGS),
    )
