"""Methods, approval policies, OAuth clients and retiring keys from the provisioning document."""

import copy
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from orders.services.provisioning import deployment
from orders.services.provisioning.deployment import ProvisioningRefused
from sessions_app.models import (
    AccountGrant,
    ApprovedFingerprint,
    AuthKey,
    EnrolmentWindow,
    OauthClient,
    SessionEvent,
    Tenant,
)
from sessions_app.services.access import oauth_clients
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory, OauthClientFactory
from tests.factories.sessions import key_material
from tests.integration.sessions_app.access.test_oauth_clients import basic, show
from tests.integration.sessions_app.rest.test_rest_sessions import ask

pytestmark = pytest.mark.django_db(transaction=True)

BY = Actor("olga")
SECRET = "Zk3v8Qw1Lr6Ty0Pn5Xb2Mc9Hd4Gf7Js_Ae-Ui3Vo1Ks"
NAME = "PaperMarkets-Demo:12345"
TENANT: dict[str, Any] = {
    "name": "Acme",
    "auth_methods": ["account_session_key", "oauth_client_credentials"],
    "self_enrolment": False,
    "accounts": [
        {"account_id": NAME, "keys": [{"key": key_material(1), "retires_at": "2030-01-01T12:00:00+02:00"}]},
        {"account_id": "PaperMarkets-Demo:2"},
    ],
    "approved_fingerprints": [{"fingerprint": "AB" * 32, "accounts": "papermarkets-demo:*", "reason": "told"}],
    "enrolment_windows": [
        {
            "from": "2026-01-01T00:00:00Z",
            "until": "2096-01-01T00:00:00Z",
            "max_keys": 5,
            "addresses": ["192.0.2.0/24", "2001:db8::1"],
            "adopts": True,
            "reason": "roll-out",
        }
    ],
    "oauth_clients": [{"client_id": "signals", "accounts": ["PAPERMARKETS-demo:012345"]}],
}


def provision(**changes: Any) -> dict[str, Any]:
    tenant = {**copy.deepcopy(TENANT), **changes}
    told = deployment.provision(document={"tenants": [tenant]}, by=BY)["tenants"][0]
    assert isinstance(told, dict)
    return told


def mistakes(**changes: Any) -> dict[str, str]:
    with pytest.raises(ProvisioningRefused) as refusal:
        provision(**changes)
    assert not Tenant.objects.filter(name="Acme").exists()
    return {mistake.path.removeprefix("tenants[0]."): mistake.message for mistake in refusal.value.mistakes}


def test_access_is_made_from_a_document() -> None:
    told = provision()
    tenant = Tenant.objects.get()
    assert (tenant.auth_methods, tenant.self_enrolment) == (TENANT["auth_methods"], False)
    row = ApprovedFingerprint.objects.get()
    assert (row.fingerprint, row.accounts, row.created_as) == ("ab" * 32, "papermarkets-demo:*", "olga")
    window = EnrolmentWindow.objects.get()
    assert (window.max_keys, window.adopts, window.accounts) == (5, True, "*")
    assert window.addresses == ["192.0.2.0/24", "2001:db8::1/128"]
    assert AuthKey.objects.get().retires_at == datetime(2030, 1, 1, 10, tzinfo=UTC)
    client = OauthClient.objects.get()
    assert told["oauth_clients"]["signals"]["id"] == str(client.id)
    assert len(told["oauth_clients"]["signals"]["secret"]) == 43
    grant = AccountGrant.objects.get()
    assert (grant.subject, grant.account.claimed_as, grant.decided_as) == ("signals", NAME, "olga")


def test_the_same_document_again_changes_nothing_and_shows_no_secret() -> None:
    provision()
    before = [list(table._default_manager.order_by("pk").values()) for table in _TABLES]
    assert set(provision()["oauth_clients"]["signals"]) == {"id"}
    assert [list(table._default_manager.order_by("pk").values()) for table in _TABLES] == before


_TABLES: Any = (Tenant, ApprovedFingerprint, EnrolmentWindow, OauthClient, AccountGrant, AuthKey, SessionEvent)


def test_what_the_document_leaves_out_stays() -> None:
    provision()
    for name in ("auth_methods", "self_enrolment", "approved_fingerprints", "enrolment_windows", "oauth_clients"):
        told = deployment.provision(document={"tenants": [{"name": "Acme"}]}, by=BY)["tenants"][0]
        assert name not in told
    tenant = Tenant.objects.get()
    assert (tenant.auth_methods, tenant.self_enrolment) == (TENANT["auth_methods"], False)


def test_a_secret_of_the_document_works_and_is_replaced_by_another(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": TENANT["auth_methods"]}
    entry, fields = {**TENANT["oauth_clients"][0], "secret": SECRET}, {"grant_type": "client_credentials"}
    for secret in (SECRET, SECRET[::-1]):
        assert set(provision(oauth_clients=[{**entry, "secret": secret}])["oauth_clients"]["signals"]) == {"id"}
        answer = client.post("/ea-gateway/v1/oauth/token", fields, headers=basic("signals", secret))
        assert show(client, answer.json()["access_token"]).json()["status"] == "authenticated"
    assert client.post("/ea-gateway/v1/oauth/token", fields, headers=basic("signals", SECRET)).status_code == 401


def test_a_window_of_the_document_enrols(client: Client) -> None:
    provision()
    answer = ask(client, account_id="PaperMarkets-Demo:2", auth_key=key_material(9))
    assert answer.json()["status"] == "authenticated"


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"auth_methods": ["telepathy"]}, "auth_methods", "expected some of: account_session_key, bearer_token"),
        ({"auth_methods": "bearer_token"}, "auth_methods", "expected a list"),
        ({"self_enrolment": "yes"}, "self_enrolment", "expected true or false"),
        ({"approved_fingerprints": [{"fingerprint": "ab"}]}, "approved_fingerprints[0].fingerprint", "Expected 64"),
        ({"approved_fingerprints": [{}]}, "approved_fingerprints[0].fingerprint", "missing"),
        ({"enrolment_windows": [{"from": "2026-01-01T00:00:00Z"}]}, "enrolment_windows[0].until", "missing"),
        ({"enrolment_windows": [{"from": "2026-01-01", "until": 5}]}, "enrolment_windows[0].from", "expected a moment"),
        (
            {"enrolment_windows": [{"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}]},
            "enrolment_windows[0].until",
            "expected a moment after `from`",
        ),
        (
            {"enrolment_windows": [{**TENANT["enrolment_windows"][0], "addresses": ["here"]}]},
            "enrolment_windows[0].addresses",
            "Expected an address",
        ),
        ({"oauth_clients": [{"client_id": "two words"}]}, "oauth_clients[0].client_id", "expected letters"),
        ({"oauth_clients": [{"client_id": "a", "secret": "short"}]}, "oauth_clients[0].secret", "Expected at least"),
        (
            {"oauth_clients": [{"client_id": "a", "accounts": ["Other-Demo:5"]}]},
            "oauth_clients[0].accounts[0]",
            "this tenant has no such account",
        ),
        (
            {"oauth_clients": [{"client_id": "a", "accounts": ["x"]}]},
            "oauth_clients[0].accounts[0]",
            "Expected <broker",
        ),
        ({"oauth_clients": [{"client_id": "taken"}]}, "oauth_clients[0].client_id", "belongs to another tenant"),
        (
            {"oauth_clients": [{"client_id": "a", "external": True, "secret": SECRET}]},
            "oauth_clients[0].secret",
            "an external client's secret is its issuer's",
        ),
        (
            {"oauth_clients": [{"client_id": "a"}, {"client_id": "a"}]},
            "oauth_clients[1].client_id",
            "in the file twice",
        ),
        (
            {"accounts": [{"account_id": NAME, "keys": [{"key": key_material(1), "retires_at": "soon"}]}]},
            "accounts[0].keys[0].retires_at",
            "expected a moment",
        ),
    ],
)
def test_every_mistake_is_named_by_its_place(changes: dict[str, Any], path: str, message: str) -> None:
    OauthClientFactory.create(client_id="taken")
    BrokerAccountFactory.create(claimed_as="Other-Demo:5")
    found = mistakes(**changes)
    assert message in found[path]


def test_a_revoked_client_does_not_come_back() -> None:
    provision()
    oauth_clients.revoke(client_pk=OauthClient.objects.get().id, by=BY, reason="left")
    with pytest.raises(ProvisioningRefused, match="was revoked"):
        provision()


def test_an_external_client_has_no_secret_here() -> None:
    told = provision(oauth_clients=[{"client_id": "theirs", "external": True, "accounts": [NAME]}])
    assert set(told["oauth_clients"]["theirs"]) == {"id"}
    assert OauthClient.objects.get().application is None


# The command for one client ------------------------------------------------------------------------------------------


def test_a_client_is_registered_by_a_command_that_shows_its_secret_once(tmp_path: Path) -> None:
    provision(oauth_clients=[])
    shown = json.loads(run("oauth_client", "signals", "--tenant", "Acme", "--account", NAME))
    assert set(shown) == {"client_id", "client_secret"}
    assert AccountGrant.objects.get().subject == "signals"
    renewed = json.loads(run("oauth_client", "signals", "--renew-secret"))
    assert renewed["client_secret"] != shown["client_secret"]


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()
