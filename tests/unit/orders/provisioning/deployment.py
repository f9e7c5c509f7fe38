"""A tenant of the provisioning document that says everything, and how it is read with one value changed."""

import copy
import re
from dataclasses import asdict
from typing import Any

from orders.domain.provisioning.document import TenantEntry, read_document

ROLES = ("owner", "admin")
KEY, OTHER_KEY = "q3ZVbK1rT9xWm5Yc7Hd2Lf", "Zt8Rp4Nw6Bv1Xj0Gs3Qk5M"
SECRET = "Zk3v8Qw1Lr6Ty0Pn5Xb2Mc9Hd4Gf7Js_Ae-Ui3Vo1Ks"
MARK = "ab" * 32
TENANT: dict[str, Any] = {
    "name": "Acme",
    "members": [{"email": "Olga@Example.com", "role": "admin"}],
    "accounts": [
        {
            "account_id": "Paper-Demo:001",
            "intent_rate": 50,
            "keys": [{"key": KEY, "retires_at": "2030-01-01T12:00:00+02:00"}, {"key": OTHER_KEY, "approved": False}],
        },
        {"account_id": "Paper-Demo:2"},
    ],
    "strategies": [
        {
            "name": "Scalper",
            "master": "Paper-Demo:1",
            "relay_copies": True,
            "subscriptions": [
                {
                    "follower": "PAPER-demo:002",
                    "state": "close_only",
                    "mode": "fixed_lots",
                    "multiplier": "1.5",
                    "lots": "0.25",
                    "fixed_master_base": "1000",
                    "fixed_follower_base": "2000",
                    "contract_size": "convert",
                    "max_age_seconds": 30,
                    "max_lots": "2",
                    "max_open_positions": 4,
                    "symbol_map": {"XAUUSD": "GOLD"},
                    "prefix": "m.",
                    "suffix": ".r",
                    "filters": {"symbols_deny": ["XAU*"]},
                    "repairs": {"extra": "flatten"},
                    "reverse": True,
                    "late_policy": "pending_at_master_price",
                    "late_seconds": 900,
                    "deviation_points": 30,
                    "pending_wait_seconds": 9,
                    "min_lots_policy": "force_min",
                    "max_risk_multiple": "2.5",
                },
                {"follower": "Paper-Demo:3"},
            ],
        }
    ],
    "auth_methods": ["account_session_key"],
    "self_enrolment": False,
    "approved_fingerprints": [
        {"fingerprint": MARK.upper(), "accounts": "paper-*", "reason": "told"},
        {"fingerprint": "cd" * 32},
    ],
    "enrolment_windows": [
        {
            "from": "2026-01-01T00:00:00Z",
            "until": "2026-02-01T00:00:00Z",
            "max_keys": 5,
            "accounts": "paper-*",
            "addresses": ["192.0.2.0/24", "2001:db8::1"],
            "adopts": True,
            "reason": "roll-out",
        },
        {"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:01Z"},
    ],
    "oauth_clients": [
        {"client_id": "signals", "secret": SECRET, "accounts": ["PAPER-demo:01"]},
        {"client_id": "theirs", "external": True},
    ],
    "repairs": {"stops_drift": "notify"},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The tenant with values replaced, by ways such as `accounts__0__intent_rate`."""
    tenant = copy.deepcopy(TENANT)
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = tenant
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value
    return tenant


def read(*tenants: object) -> tuple[tuple[TenantEntry, ...], list[str]]:
    entries, mistakes = read_document({"tenants": list(tenants)}, roles=ROLES)
    return entries, [str(mistake) for mistake in mistakes]


def mistakes_of(tenant: dict[str, Any]) -> list[str]:
    return [mistake.removeprefix("tenants[0].") for mistake in read(tenant)[1]]


def entry(tenant: dict[str, Any] = TENANT) -> dict[str, Any]:
    (found,), mistakes = read(tenant)
    assert mistakes == []
    return asdict(found)


def unknown(*fields: str) -> str:
    """What is said of a field that is not one of these."""
    return f"unknown field: expected one of {', '.join(fields)}"


def place_of(path: str) -> str:
    """`accounts[0].intent_rate` of `accounts__0__intent_rate`."""
    return re.sub(r"__(\d+)", r"[\1]", path).replace("__", ".")
