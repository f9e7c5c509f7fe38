"""What the provisioning document says of access: methods, approval policies, OAuth clients."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from orders.domain.provisioning.entries import MOMENT, Node, unique
from sessions_app.domain.enrolment import ALL_ACCOUNTS, MAX_ADDRESSES, canonical_fingerprint, canonical_network
from sessions_app.domain.keys import check_key
from sessions_app.domain.problems import Refused

ACCESS: Final = ("auth_methods", "self_enrolment", "approved_fingerprints", "enrolment_windows", "oauth_clients")
MIN_SECRET: Final = 43
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._~\-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintEntry:
    path: str
    fingerprint: str
    accounts: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEntry:
    """A known window, by its beginning and its accounts, stays as it is."""

    path: str
    opens_at: datetime | None
    closes_at: datetime | None
    max_keys: int | None
    accounts: str
    addresses: tuple[str, ...]
    adopts: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEntry:
    """`secret` is empty where the file leaves it out: a new client gets one, a known one keeps its own."""

    path: str
    client_id: str
    # What is printed of an entry may end in a log, where no secret belongs.
    secret: str = field(repr=False)
    external: bool
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """What is None stays as it is."""

    auth_methods: tuple[str, ...] | None
    self_enrolment: bool | None
    fingerprints: tuple[FingerprintEntry, ...]
    windows: tuple[WindowEntry, ...]
    clients: tuple[ClientEntry, ...]


def access_entry(node: Node) -> AccessEntry:
    """The fields ACCESS of a tenant's object."""
    fingerprints = node.each("approved_fingerprints", _fingerprint)
    clients = node.each("oauth_clients", _client)
    marks = ((entry.path, "fingerprint", entry.fingerprint) for entry in fingerprints)
    unique(node.mistakes, marks, "this fingerprint is in the file twice")
    names = ((entry.path, "client_id", entry.client_id) for entry in clients)
    unique(node.mistakes, names, "this client is in the file twice")
    return AccessEntry(
        auth_methods=node.texts("auth_methods"),
        self_enrolment=node.switch("self_enrolment"),
        fingerprints=fingerprints,
        windows=node.each("enrolment_windows", _window),
        clients=clients,
    )


def _fingerprint(node: Node) -> FingerprintEntry:
    node.only("fingerprint", "accounts", "reason")
    mark = node.text("fingerprint", most=100)
    try:
        mark = canonical_fingerprint(mark) if not node.wrong("fingerprint") else ""
    except Refused as refusal:
        node.mistake("fingerprint", refusal.message)
    return FingerprintEntry(
        path=node.path,
        fingerprint=mark,
        accounts=node.text("accounts", most=128, default=ALL_ACCOUNTS),
        reason=node.text("reason", most=255, default="provisioned"),
    )


def _window(node: Node) -> WindowEntry:
    node.only("from", "until", "max_keys", "accounts", "addresses", "adopts", "reason")
    entry = WindowEntry(
        path=node.path,
        opens_at=node.moment("from"),
        closes_at=node.moment("until"),
        max_keys=node.integer("max_keys", least=1, most=1_000_000, default=None),
        accounts=node.text("accounts", most=128, default=ALL_ACCOUNTS),
        addresses=_networks(node),
        adopts=node.value("adopts", bool, False),
        reason=node.text("reason", most=255, default="provisioned"),
    )
    for name, moment in (("from", entry.opens_at), ("until", entry.closes_at)):
        if moment is None and not node.wrong(name):
            node.mistake(name, f"missing: expected {MOMENT}")
    if entry.opens_at is not None and entry.closes_at is not None and entry.opens_at >= entry.closes_at:
        node.mistake("until", "expected a moment after `from`")
    return entry


def _networks(node: Node) -> tuple[str, ...]:
    texts = node.texts("addresses") or ()
    try:
        networks = tuple(canonical_network(text) for text in texts)
    except Refused as refusal:
        node.mistake("addresses", refusal.message)
        return ()
    if len(networks) > MAX_ADDRESSES:
        node.mistake("addresses", f"expected at most {MAX_ADDRESSES} addresses or networks")
    return networks


def _client(node: Node) -> ClientEntry:
    node.only("client_id", "secret", "external", "accounts")
    client_id = node.text("client_id", most=100)
    if client_id and _CLIENT_ID.fullmatch(client_id) is None:
        node.mistake("client_id", "expected letters, digits and . _ ~ - alone")
    entry = ClientEntry(
        path=node.path,
        client_id=client_id,
        secret=_secret(node),
        external=node.value("external", bool, False),
        accounts=node.accounts("accounts"),
    )
    if entry.external and entry.secret:
        node.mistake("secret", "an external client's secret is its issuer's")
    return entry


def _secret(node: Node) -> str:
    secret = node.value("secret", str, "")
    try:
        if secret:
            check_key(secret)
            if len(secret) < MIN_SECRET:
                node.mistake("secret", f"expected 256 random bits: {MIN_SECRET} characters of base64url or more")
    except Refused as refusal:
        node.mistake("secret", refusal.message)
    return secret
