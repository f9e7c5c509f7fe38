"""The provisioning document: what is read of it, what it leaves to defaults, and every mistake with its place."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.provisioning.document import read_document
from orders.domain.sizing.modes import ContractSize, Mode
from orders.domain.states.subscriptions import SubscriptionState
from tests.unit.orders.provisioning.deployment import (
    KEY,
    OTHER_KEY,
    ROLES,
    SECRET,
    TENANT,
    changed,
    entry,
    mistakes_of,
    place_of,
    read,
    unknown,
)

# What is read ---------------------------------------------------------------------------------------------------------


def test_everything_that_a_tenant_says_of_its_people_and_accounts_is_read() -> None:
    tenant = entry()
    assert (tenant["path"], tenant["name"], tenant["repairs"]) == ("tenants[0]", "Acme", {"stops_drift": "notify"})
    assert tenant["members"] == ({"path": "tenants[0].members[0]", "email": "olga@example.com", "role": "admin"},)
    first = {
        "path": "tenants[0].accounts[0].keys[0]",
        "material": KEY,
        "approved": True,
        "retires_at": datetime(2030, 1, 1, 10, tzinfo=UTC),
    }
    second = {
        "path": "tenants[0].accounts[0].keys[1]",
        "material": OTHER_KEY,
        "approved": False,
        "retires_at": None,
    }
    assert tenant["accounts"] == (
        {
            "path": "tenants[0].accounts[0]",
            "claimed_as": "Paper-Demo:001",
            "account_id": "paper-demo:1",
            "intent_rate": 50,
            "keys": (first, second),
        },
        {
            "path": "tenants[0].accounts[1]",
            "claimed_as": "Paper-Demo:2",
            "account_id": "paper-demo:2",
            "intent_rate": 20,
            "keys": (),
        },
    )


def test_everything_that_a_subscription_says_is_read() -> None:
    (strategy,) = entry()["strategies"]
    assert (strategy["path"], strategy["name"]) == ("tenants[0].strategies[0]", "Scalper")
    assert (strategy["master"], strategy["relay_copies"]) == ("paper-demo:1", True)
    assert strategy["subscriptions"][0] == {
        "path": "tenants[0].strategies[0].subscriptions[0]",
        "claimed_as": "PAPER-demo:002",
        "follower": "paper-demo:2",
        "state": SubscriptionState.CLOSE_ONLY,
        "settings": {
            "mode": Mode.FIXED_LOTS,
            "multiplier": Decimal("1.5"),
            "lots": Decimal("0.25"),
            "fixed_master_base": Decimal(1000),
            "fixed_follower_base": Decimal(2000),
            "contract_size": ContractSize.CONVERT,
            "max_age_seconds": 30,
            "max_lots": Decimal(2),
            "max_open_positions": 4,
            "symbol_map": {"XAUUSD": "GOLD"},
            "prefix": "m.",
            "suffix": ".r",
            "filters": {"symbols_deny": ["XAU*"]},
            "repairs": {"extra": "flatten"},
            "reverse": True,
            "late_policy": LatePolicy.PENDING_AT_MASTER_PRICE,
            "late_seconds": 900,
            "deviation_points": 30,
            "pending_wait_seconds": 9,
            "min_lots_policy": MinLotsPolicy.FORCE_MIN,
            "max_risk_multiple": Decimal("2.5"),
        },
    }


def test_a_subscription_that_says_nothing_has_the_defaults_of_the_handbook() -> None:
    assert entry()["strategies"][0]["subscriptions"][1] == {
        "path": "tenants[0].strategies[0].subscriptions[1]",
        "claimed_as": "Paper-Demo:3",
        "follower": "paper-demo:3",
        "state": None,
        "settings": {
            "mode": Mode.MIRRORED,
            "multiplier": Decimal(1),
            "lots": None,
            "fixed_master_base": None,
            "fixed_follower_base": None,
            "contract_size": ContractSize.CHECK,
            "max_age_seconds": 60,
            "max_lots": None,
            "max_open_positions": None,
            "symbol_map": {},
            "prefix": "",
            "suffix": "",
            "filters": {},
            "repairs": {},
            "reverse": False,
            "late_policy": LatePolicy.DENY,
            "late_seconds": 3600,
            "deviation_points": None,
            "pending_wait_seconds": 5,
            "min_lots_policy": MinLotsPolicy.DENY,
            "max_risk_multiple": Decimal(5),
        },
    }


def test_what_a_tenant_leaves_out_is_none_or_empty() -> None:
    tenant = entry({"name": "Acme"})
    assert (tenant["members"], tenant["accounts"], tenant["strategies"], tenant["repairs"]) == ((), (), (), None)
    assert tenant["access"] == {
        "auth_methods": None,
        "self_enrolment": None,
        "fingerprints": (),
        "windows": (),
        "clients": (),
    }


def test_a_strategy_relays_no_copies_unless_it_says_so() -> None:
    strategy = {"name": "Scalper", "master": "Paper-Demo:1"}
    assert entry(changed(strategies__0=strategy))["strategies"][0]["relay_copies"] is False


def test_what_is_read_can_be_logged_without_its_secrets() -> None:
    (tenant,), _ = read(TENANT)
    shown = repr(tenant)
    assert "Acme" in shown
    assert not any(secret in shown for secret in (KEY, OTHER_KEY, SECRET))


# What is a mistake ----------------------------------------------------------------------------------------------------

OLGA, FIRST, KEYS = "members__0__", "accounts__0__", "accounts__0__keys__"
SCALPER, FOLLOWER = "strategies__0__", "strategies__0__subscriptions__0__"
WEAK = "Expected at least 128 random bits as 22 or more base64url characters"
NAMES = "expected symbol names of 1 to 64 characters"
DIFFERENCES = "expected some of missing, extra, wrong_lots, wrong_side, stops_drift, foreign"
SUBSCRIPTION = (
    "follower", "state", "mode", "multiplier", "lots", "fixed_master_base", "fixed_follower_base", "contract_size",
    "max_age_seconds",
    "max_lots", "max_open_positions", "symbol_map", "prefix", "suffix", "filters", "repairs", "reverse", "late_policy",
    "late_seconds", "deviation_points", "pending_wait_seconds", "min_lots_policy", "max_risk_multiple",
)  # fmt: skip
MISTAKES: list[tuple[str, Any, str]] = [
    (
        "colour",
        "red",
        unknown(
            "name",
            "members",
            "accounts",
            "strategies",
            "repairs",
            "auth_methods",
            "self_enrolment",
            "approved_fingerprints",
            "enrolment_windows",
            "oauth_clients",
        ),
    ),
    (f"{OLGA}colour", "red", unknown("email", "role")),
    (f"{FIRST}colour", "red", unknown("account_id", "intent_rate", "keys")),
    (f"{KEYS}0__colour", "red", unknown("key", "approved", "retires_at")),
    (f"{SCALPER}colour", "red", unknown("name", "master", "relay_copies", "subscriptions")),
    (f"{FOLLOWER}colour", "red", unknown(*SUBSCRIPTION)),
    (f"{OLGA}email", "olga", "expected an e-mail address"),
    (f"{OLGA}email", "", "expected a text"),
    (f"{OLGA}role", "boss", "expected one of: admin, owner"),
    (f"{OLGA}role", "", "expected a text"),
    (f"{KEYS}0__key", None, WEAK),
    (f"{KEYS}0__key", "weak", WEAK),
    (f"{KEYS}0__key", 5, "expected a string"),
    (f"{KEYS}1__key", KEY, "this key is in the file twice"),
    ("accounts__1__account_id", "PAPER-demo:1", "this account is in the file twice"),
    (f"{SCALPER}subscriptions__1__follower", "paper-demo:2", "this follower is in the strategy twice"),
    (f"{FOLLOWER}follower", "paper-DEMO:01", "an account cannot copy itself"),
    (f"{FOLLOWER}lots", None, "fixed_lots needs lots above 0"),
    (f"{FOLLOWER}lots", 1, "expected a decimal as a string"),
    (f"{FOLLOWER}max_risk_multiple", "0.99", "expected 1 or more"),
    (f"{FOLLOWER}symbol_map", {"A": ""}, NAMES),
    (f"{FOLLOWER}symbol_map", {"": "A"}, NAMES),
    (f"{FOLLOWER}symbol_map", {"A": 1}, NAMES),
    (f"{FOLLOWER}symbol_map", {"A": "b" * 65}, NAMES),
    (f"{FOLLOWER}symbol_map", {"a" * 65: "B"}, NAMES),
    (f"{FOLLOWER}repairs", {"late": "repair"}, f"no difference is called 'late': {DIFFERENCES}"),
    ("repairs", {"k" * 41: "repair"}, f"no difference is called '{'k' * 40}': {DIFFERENCES}"),
    (f"{FOLLOWER}filters", {"side": []}, "object contains unknown field `side`"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_a_mistake_is_told_once_and_with_its_place(path: str, value: Any, message: str) -> None:
    assert mistakes_of(changed(**{path: value})) == [f"{place_of(path)}: {message}"]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (f"{KEYS}0__approved", False, f"{place_of(f'{KEYS}0')}.retires_at: only an approved key retires"),
        (f"{FOLLOWER}repairs", {"missing": "repair"}, f"{place_of(FOLLOWER)}repairs.missing: expected one of notify"),
        (f"{FOLLOWER}filters", {"sides": ["x"]}, f"{place_of(FOLLOWER)}filters.sides[0]: invalid enum value 'x'"),
    ],
)
def test_a_mistake_is_told_where_it_is_and_not_where_it_was_made(path: str, value: Any, told: str) -> None:
    assert mistakes_of(changed(**{path: value})) == [told]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FOLLOWER}max_risk_multiple", "1"),
        (f"{FOLLOWER}symbol_map", {"a" * 64: "b" * 64, "A": "B"}),
    ],
)
def test_what_is_just_within_its_bounds_is_no_mistake(path: str, value: Any) -> None:
    assert mistakes_of(changed(**{path: value})) == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("name", 100),
        (f"{OLGA}email", 150),
        (f"{OLGA}role", 32),
        (f"{FIRST}account_id", 128),
        (f"{SCALPER}name", 100),
        (f"{FOLLOWER}follower", 128),
        (f"{FOLLOWER}prefix", 16),
        (f"{FOLLOWER}suffix", 16),
    ],
)
def test_a_text_may_be_as_long_as_its_column(path: str, most: int) -> None:
    too_long = f"{place_of(path)}: expected at most {most} characters without control characters"
    assert too_long not in mistakes_of(changed(**{path: "a" * most}))
    assert too_long in mistakes_of(changed(**{path: "a" * (most + 1)}))


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        (f"{FIRST}intent_rate", 1, 10_000),
        (f"{FOLLOWER}max_age_seconds", 1, 86_400),
        (f"{FOLLOWER}max_open_positions", 1, 100_000),
        (f"{FOLLOWER}late_seconds", 60, 604_800),
        (f"{FOLLOWER}deviation_points", 1, 1_000_000),
        (f"{FOLLOWER}pending_wait_seconds", 1, 3600),
    ],
)
def test_a_number_may_be_as_large_as_the_handbook_says(path: str, least: int, most: int) -> None:
    for number in (least, most):
        assert mistakes_of(changed(**{path: number})) == []
    for number in (least - 1, most + 1):
        told = [f"{place_of(path)}: expected a whole number from {least} to {most}"]
        assert mistakes_of(changed(**{path: number})) == told


def test_what_is_in_the_file_twice_is_found_across_tenants() -> None:
    again = {"name": "Acme", "accounts": [{"account_id": "paper-DEMO:02"}]}
    assert read(TENANT, again)[1] == [
        "tenants[1].name: this tenant is in the file twice",
        "tenants[1].accounts[0].account_id: this account is in the file twice",
    ]


def test_members_and_strategies_are_named_once_in_a_tenant() -> None:
    member, strategy = TENANT["members"][0], {"name": "Scalper", "master": "Paper-Demo:1"}
    twice = changed(members=[member, member], strategies=[strategy, strategy])
    assert mistakes_of(twice) == [
        "members[1].email: this member is in the file twice",
        "strategies[1].name: this strategy is in the file twice",
    ]


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_a_document_that_is_no_object_has_no_tenants(document: object) -> None:
    tenants, mistakes = read_document(document, roles=ROLES)
    assert (tenants, [str(mistake) for mistake in mistakes]) == ((), ["document: expected an object"])


def test_a_document_has_tenants_and_nothing_else() -> None:
    _, mistakes = read_document({"tenants": [], "version": 1}, roles=ROLES)
    assert [str(mistake) for mistake in mistakes] == ["version: unknown field: expected one of tenants"]
