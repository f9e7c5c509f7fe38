"""Rows of a tenant, as the management API tells them: frozen, money as Decimal."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that a later gateway adds are ignored."""


class Me(Row, frozen=True, kw_only=True):
    """Whose token it is, and how far it reaches: `read`, `operate`, `administer` or `own`."""

    tenant_id: UUID
    tenant: str
    name: str
    scope: str
    expires_at: datetime


class Account(Row, frozen=True, kw_only=True):
    """`account`: `<broker server>:<login>`, as in all other rows; their `account_id` is its `id`."""

    id: UUID
    account: str
    standing: str
    keys: dict[str, int]
    suspended_at: datetime | None
    balance: Decimal | None
    equity: Decimal | None
    currency: str = ""  # older gateways do not tell it
    funds_at: datetime | None
    created_at: datetime


class Key(Row, frozen=True, kw_only=True):
    id: UUID
    account_id: UUID
    fingerprint: str
    state: str
    requested_at: datetime
    requested_from: str
    decided_at: datetime | None
    decided_as: str
    decision_reason: str
    retires_at: datetime | None


class SharedKey(Row, frozen=True, kw_only=True):
    """`key`: the one that was made, shown this once; None for your own, and in the answer to a repeat."""

    id: UUID
    account_id: UUID
    state: str
    key: str | None = None

    def __repr__(self) -> str:
        return f"SharedKey(id={self.id}, account_id={self.account_id}, state={self.state})"  # no key in a log


class Strategy(Row, frozen=True, kw_only=True):
    id: UUID
    name: str
    master_id: UUID
    master: str
    relay_copies: bool
    followers: int
    active: int
    created_at: datetime


class Subscription(Row, frozen=True, kw_only=True):
    id: UUID
    strategy_id: UUID
    strategy: str
    follower_id: UUID
    follower: str
    state: str
    version: int
    created_at: datetime


class SettingsInForce(Row, frozen=True, kw_only=True):
    """As in a provisioning file; `version` goes back with a change."""

    version: int
    settings: dict[str, Any]


class Version(Row, frozen=True, kw_only=True):
    number: int
    settings: dict[str, Any]
    actor: str
    note: str
    at: datetime


class Previewed(Row, frozen=True, kw_only=True):
    """What one of the master's last trades would have become."""

    intent_id: UUID
    symbol: str
    received_at: datetime
    outcome: str
    code: str
    why: str
    lots: Decimal


class Trade(Row, frozen=True, kw_only=True):
    id: UUID
    account_id: UUID
    account: str
    action: str
    position_id: int
    ticket: int
    symbol: str
    lots: Decimal | None
    price: Decimal | None
    received_at: datetime
    outcomes: dict[str, int]


class Copy(Row, frozen=True, kw_only=True):
    id: UUID
    subscription_id: UUID
    account_id: UUID
    copy_no: int | None
    position_id: int
    leg: int
    state: str
    symbol: str
    side: str
    ticket: int | None
    lots_decided: Decimal | None
    lots_open: Decimal | None
    price_at_broker: Decimal | None
    close_cause: str
    created_at: datetime
    closed_at: datetime | None


class Outcome(Row, frozen=True, kw_only=True):
    """What a trade became for one follower. `steps`, `commands`: as the gateway tells them."""

    decision_id: UUID
    subscription_id: UUID
    follower_id: UUID
    follower: str
    strategy: str
    outcome: str
    code: str
    sentence: str
    sizing: str
    version: int | None
    decided_at: datetime
    steps: list[dict[str, Any]]
    copies: list[Copy]
    commands: list[dict[str, Any]]


class TradeWhy(Row, frozen=True, kw_only=True):
    """Who got a trade, how, and why not. `more`: there are more followers than are told."""

    trade: Trade
    events: list[dict[str, Any]]
    followers: list[Outcome]
    more: bool


class Alert(Row, frozen=True, kw_only=True):
    id: UUID
    code: str
    severity: str
    account_id: UUID
    account: str
    text: str
    meaning: str
    times: int
    first_at: datetime
    at: datetime
    acknowledged_at: datetime | None
    acknowledged_as: str
    resolved_at: datetime | None


class Standing(Row, frozen=True, kw_only=True):
    """How an account stands today; `level`: `bad`, `warning` or `ok`."""

    account_id: UUID
    account: str
    strategies: list[str]
    standing: str
    level: str
    troubles: list[str]
    open_copies: int
    unprotected: int
    undelivered: int
    differences: int
    copied: int
    denied: int
    failed: int
    p95_ms: float | None
    equity: Decimal | None
    currency: str = ""  # older gateways do not tell it


class Health(Row, frozen=True, kw_only=True):
    level: str
    sentence: str
    as_of: datetime
    keys_waiting: int
    differences: int
    missing_symbols: int
    followers: list[Standing]
    masters: list[Standing]
    more: bool


class Member(Row, frozen=True, kw_only=True):
    id: UUID
    person: str
    role: str
    created_at: datetime


class Act(Row, frozen=True, kw_only=True):
    """Something that a person or a program did."""

    id: UUID
    at: datetime
    actor: str
    kind: str
    subject: str
    what: str
    why: str
