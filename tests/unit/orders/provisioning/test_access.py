"""What the provisioning document says of access: fingerprints, windows, OAuth clients."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.orders.provisioning.deployment import MARK, SECRET, changed, entry, mistakes_of, place_of, unknown


def test_everything_that_a_tenant_says_of_access_is_read() -> None:
    access = entry()["access"]
    assert (access["auth_methods"], access["self_enrolment"]) == (("account_session_key",), False)
    top = "tenants[0].approved_fingerprints"
    assert access["fingerprints"] == (
        {"path": f"{top}[0]", "fingerprint": MARK, "accounts": "paper-*", "reason": "told"},
        {"path": f"{top}[1]", "fingerprint": "cd" * 32, "accounts": "*", "reason": "provisioned"},
    )
    assert access["windows"] == (
        {
            "path": "tenants[0].enrolment_windows[0]",
            "opens_at": datetime(2026, 1, 1, tzinfo=UTC),
            "closes_at": datetime(2026, 2, 1, tzinfo=UTC),
            "max_keys": 5,
            "accounts": "paper-*",
            "addresses": ("192.0.2.0/24", "2001:db8::1/128"),
            "adopts": True,
            "reason": "roll-out",
        },
        {
            "path": "tenants[0].enrolment_windows[1]",
            "opens_at": datetime(2026, 1, 1, tzinfo=UTC),
            "closes_at": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
            "max_keys": None,
            "accounts": "*",
            "addresses": (),
            "adopts": False,
            "reason": "provisioned",
        },
    )
    top = "tenants[0].oauth_clients"
    assert access["clients"] == (
        {
            "path": f"{top}[0]",
            "client_id": "signals",
            "secret": SECRET,
            "external": False,
            "accounts": ("paper-demo:1",),
        },
        {"path": f"{top}[1]", "client_id": "theirs", "secret": "", "external": True, "accounts": ()},
    )


PRINT, WINDOW, CLIENT = "approved_fingerprints__0__", "enrolment_windows__0__", "oauth_clients__0__"
WEAK = "Expected at least 128 random bits as 22 or more base64url characters"
NO_PRINT = "Expected 64 hexadecimal digits: SHA-256 of the key, or the fingerprint of the desk"
MISTAKES: list[tuple[str, Any, str]] = [
    (f"{PRINT}colour", 1, unknown("fingerprint", "accounts", "reason")),
    (
        f"{WINDOW}colour",
        1,
        unknown("from", "until", "max_keys", "accounts", "addresses", "adopts", "reason"),
    ),
    (f"{CLIENT}colour", 1, unknown("client_id", "secret", "external", "accounts")),
    (f"{PRINT}fingerprint", "ab", NO_PRINT),
    (f"{PRINT}fingerprint", 7, "expected a string"),
    ("approved_fingerprints__1__fingerprint", MARK, "this fingerprint is in the file twice"),
    (f"{WINDOW}from", None, "missing: expected a moment with its offset, such as 2026-12-01T08:00:00Z"),
    (f"{WINDOW}until", None, "missing: expected a moment with its offset, such as 2026-12-01T08:00:00Z"),
    (f"{WINDOW}until", "soon", "expected a moment with its offset, such as 2026-12-01T08:00:00Z"),
    (f"{WINDOW}until", "2026-01-01T00:00:00Z", "expected a moment after `from`"),
    (f"{WINDOW}addresses", ["home"], "Expected an address or a network such as 203.0.113.0/24"),
    (f"{WINDOW}addresses", ["192.0.2.1"] * 33, "expected at most 32 addresses or networks"),
    (f"{CLIENT}client_id", "sig nals", "expected letters, digits and . _ ~ - alone"),
    (f"{CLIENT}client_id", "", "expected a text"),
    ("oauth_clients__1__client_id", "signals", "this client is in the file twice"),
    (f"{CLIENT}secret", "weak", WEAK),
    (f"{CLIENT}secret", SECRET[:42], "expected 256 random bits: 43 characters of base64url or more"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_a_mistake_is_told_once_and_with_its_place(path: str, value: Any, message: str) -> None:
    assert mistakes_of(changed(**{path: value})) == [f"{place_of(path)}: {message}"]


def test_an_external_client_has_no_secret_here() -> None:
    told = ["oauth_clients[0].secret: an external client's secret is its issuer's"]
    assert mistakes_of(changed(oauth_clients__0__external=True)) == told


def test_a_window_may_name_32_networks() -> None:
    assert mistakes_of(changed(enrolment_windows__0__addresses=["192.0.2.1"] * 32)) == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (f"{PRINT}fingerprint", 100),
        (f"{PRINT}accounts", 128),
        (f"{PRINT}reason", 255),
        (f"{WINDOW}accounts", 128),
        (f"{WINDOW}reason", 255),
        (f"{CLIENT}client_id", 100),
    ],
)
def test_a_text_may_be_as_long_as_its_column(path: str, most: int) -> None:
    too_long = f"{place_of(path)}: expected at most {most} characters without control characters"
    assert too_long not in mistakes_of(changed(**{path: "a" * most}))
    assert too_long in mistakes_of(changed(**{path: "a" * (most + 1)}))


def test_a_window_opens_for_up_to_a_million_keys() -> None:
    for number, right in ((0, False), (1, True), (1_000_000, True), (1_000_001, False)):
        assert (mistakes_of(changed(enrolment_windows__0__max_keys=number)) == []) is right
