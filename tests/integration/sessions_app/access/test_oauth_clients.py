"""`oauth_client_credentials`: the token endpoint, the grants of clients, and tokens of an external issuer."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import structlog
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse
from oauth2_provider.models import AccessToken, Application, RefreshToken

from sessions_app import queries
from sessions_app.auth import introspection
from sessions_app.domain.lifecycle import GrantState, Reason, SessionStatus
from sessions_app.models import AccountGrant, BrokerAccount, EaSession, OauthClient, Tenant
from sessions_app.services.access import grants, oauth_clients
from sessions_app.services.access.oauth_clients import Registered
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory, OauthClientFactory, TenantFactory
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of
from tests.integration.tokens import Served, served

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "/ea-gateway/v1/oauth/token"
PIT = Actor("pit")


@pytest.fixture(autouse=True)
def offered(settings: Any) -> Any:
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": ["account_session_key", "oauth_client_credentials"]}
    introspection.memory.clear()
    return settings


@pytest.fixture
def account() -> BrokerAccount:
    return BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")


@pytest.fixture
def robot(account: BrokerAccount) -> Registered:
    """A client of the account's tenant that may serve the account."""
    assert account.tenant is not None
    made = register(account.tenant)
    allow(made.client, account)
    return made


def register(tenant: Tenant, client_id: str = "robot", **options: Any) -> Registered:
    now = queries.database_now()
    return oauth_clients.register(tenant_id=tenant.id, client_id=client_id, by=PIT, now=now, **options)


def allow(client: OauthClient, *accounts: BrokerAccount) -> None:
    now = queries.database_now()
    with transaction.atomic():
        oauth_clients.grant_accounts(client=client, accounts=accounts, by=PIT, reason="theirs", now=now)


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def fetch(client: Client, made: Registered, **fields: Any) -> Any:
    return client.post(
        TOKEN,
        {"grant_type": "client_credentials", **fields},
        headers=basic(made.client.client_id, made.secret),
        REMOTE_ADDR="192.0.2.10",
    )


def token_of(client: Client, made: Registered) -> str:
    return str(fetch(client, made).json()["access_token"])


def show(client: Client, shown: Any, **changes: Any) -> Any:
    method = "oauth_client_credentials"
    return ask(client, auth_method=method, auth_key=..., access_token=shown, **changes)


# The token endpoint --------------------------------------------------------------------------------------------------


def test_a_client_gets_a_token_and_nothing_to_refresh_it(client: Client, robot: Registered) -> None:
    answer = fetch(client, robot)
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
    assert len(body["access_token"]) == 43, "256 random bits"
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert answer["Cache-Control"] == "no-store"
    assert not RefreshToken.objects.exists()


def test_neither_secret_nor_token_is_stored(client: Client, robot: Registered) -> None:
    token = token_of(client, robot)
    rows = [*Application.objects.values(), *AccessToken.objects.values(), *OauthClient.objects.values()]
    text = json.dumps([str(value) for row in rows for value in row.values()])
    assert robot.secret not in text
    assert token not in text
    assert AccessToken.objects.get().token_checksum == hashlib.sha256(token.encode()).hexdigest()
    assert Application.objects.get().client_secret.startswith("sha256_random_secret$")


def test_a_client_may_also_send_its_secret_in_the_body(client: Client, robot: Registered) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": robot.secret}
    assert client.post(TOKEN, fields).status_code == 200


def test_case_023_a_bad_secret_is_an_invalid_client_and_basic_is_told(client: Client, robot: Registered) -> None:
    bad = {"grant_type": "client_credentials"}
    answers = [
        client.post(TOKEN, bad, headers=basic("robot", "wrong")),
        client.post(TOKEN, bad, headers=basic("nobody", robot.secret)),
        client.post(TOKEN, bad, headers=basic("robot", robot.client.client_id)),
        client.post(TOKEN, {**bad, "client_id": "robot", "client_secret": "wrong"}),
    ]
    assert [(item.status_code, item.json()["error"]) for item in answers] == [(401, "invalid_client")] * 4
    assert [item.get("WWW-Authenticate", "") for item in answers] == [
        *['Basic realm="ea-gateway", charset="UTF-8"'] * 3,
        "",
    ]
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.exists()


@pytest.mark.parametrize(
    "grant_type",
    ["password", "authorization_code", "refresh_token", "implicit", "urn:ietf:params:oauth:grant-type:device_code", ""],
)
def test_no_other_grant_is_spoken(client: Client, robot: Registered, grant_type: str) -> None:
    fields = {"username": "x", "password": "y", "code": "z", "refresh_token": "r", "device_code": "d"}
    answer = fetch(client, robot, **fields, grant_type=grant_type)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"unsupported_grant_type", "invalid_request"}
    assert not AccessToken.objects.exists()


def test_the_endpoint_takes_post_alone_and_bounds_what_it_reads(client: Client, robot: Registered) -> None:
    assert client.get(TOKEN).status_code == 405
    assert fetch(client, robot, padding="x" * 20_000).status_code == 413


@pytest.mark.parametrize(
    ("body", "header", "status"),
    [
        (b"grant_type=client_credentials", {"Authorization": "Basic \xff"}, 401),
        (b"grant_type=client_credentials", {"Authorization": "Basic !!!"}, 401),
        (b"grant_type=client_credentials", {"Authorization": "Basic bm8gY29sb24="}, 401),
        (b"grant_type=client_credentials", {"Authorization": "Bearer x"}, 401),
        (b"grant_type=client_credentials&client_id=a%00b&client_secret=x", {}, 400),
        (b"grant_type=client_credentials", {"Authorization": "Basic YQBiOng="}, 401),
        (b"grant_type=client_credentials&client_id=" + b"x" * 300, {}, 401),
        (b"grant_type=client_credentials", {}, 401),
        (b"grant_type=%ff%00&&=", {}, 400),
        (b"grant_type=client_credentials&grant_type=password", {}, 400),
        (b"\xff\xfe{", {}, 400),
        (b"", {}, 400),
    ],
)
def test_odd_requests_are_refused_in_the_words_of_oauth(
    client: Client, robot: Registered, body: bytes, header: dict[str, str], status: int
) -> None:
    answer = client.post(TOKEN, body, content_type="application/x-www-form-urlencoded", headers=header)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["error"] in {"invalid_client", "invalid_request", "unsupported_grant_type"}


def test_a_secret_in_the_address_is_no_secret(client: Client, robot: Registered) -> None:
    place = f"{TOKEN}?client_id=robot&client_secret={robot.secret}"
    assert client.post(place, {"grant_type": "client_credentials"}).status_code in (400, 401)
    assert not AccessToken.objects.exists()


def test_no_other_view_of_the_library_is_served(client: Client) -> None:
    for path in ("authorize", "authorize/", "revoke_token/", "introspect/", "applications/", "device-authorization/"):
        assert client.get(f"/ea-gateway/v1/oauth/{path}").status_code == 404
        assert client.get(f"/o/{path}").status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("oauth2_provider:authorize")


def test_the_endpoint_is_there_only_where_clients_are_offered(client: Client, robot: Registered, offered: Any) -> None:
    offered.OAUTH = {**offered.OAUTH, "introspection_url": "https://issuer.example/introspect"}
    assert fetch(client, robot).status_code == 404
    offered.OAUTH = {**offered.OAUTH, "introspection_url": ""}
    offered.GATEWAY = {**offered.GATEWAY, "auth_methods": ["account_session_key"]}
    assert fetch(client, robot).status_code == 404


def test_token_requests_are_bounded_by_address(client: Client, robot: Registered, offered: Any) -> None:
    offered.GATEWAY = {**offered.GATEWAY, "token_requests_per_minute": 3}
    answers = [fetch(client, robot) for _ in range(4)]
    assert [item.status_code for item in answers] == [200, 200, 200, 429]
    assert answers[-1]["Retry-After"] == "60"


# Sessions ------------------------------------------------------------------------------------------------------------


def test_a_granted_account_is_authenticated_at_once(client: Client, robot: Registered) -> None:
    assert show(client, token_of(client, robot)).json()["status"] == "authenticated"
    session = EaSession.objects.get()
    assert (session.key, session.grant) == (None, AccountGrant.objects.get())


@pytest.mark.parametrize("known", [True, False])
def test_another_account_is_refused_whether_it_exists_or_not(client: Client, robot: Registered, known: bool) -> None:
    if known:
        BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:77", tenant=robot.client.tenant)
    answer = show(client, token_of(client, robot), account_id="PaperMarkets-Demo:77")
    body = problem_of(answer, 403, "account_not_granted")
    assert body["detail"] == "These credentials do not serve this account"


def test_an_account_that_left_the_tenant_is_served_no_more(
    client: Client, robot: Registered, account: BrokerAccount
) -> None:
    BrokerAccount.objects.filter(id=account.id).update(tenant=TenantFactory.create())
    problem_of(show(client, token_of(client, robot)), 403, "account_not_granted")


def test_a_client_is_never_granted_a_foreign_account(robot: Registered) -> None:
    with pytest.raises(oauth_clients.ForeignAccount):
        allow(robot.client, BrokerAccountFactory.create())
    with pytest.raises(oauth_clients.ForeignAccount):
        allow(robot.client, BrokerAccountFactory.create(tenant=None))


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_a_token_that_is_none_or_has_expired_is_refused(client: Client, robot: Registered, log: list[Any]) -> None:
    token = token_of(client, robot)
    AccessToken.objects.update(expires=queries.database_now() - timedelta(seconds=1))
    for shown in (token, "nothing", robot.secret):
        assert problem_of(show(client, shown), 401, "credentials_refused")["path"] == "access_token"
    assert [line["why"] for line in log if line["event"] == "token.refused"] == ["unknown_token"] * 3
    assert token not in str(log)


def test_a_token_for_another_server_opens_nothing(client: Client, robot: Registered) -> None:
    token = fetch(client, robot, resource="https://elsewhere.example").json()["access_token"]
    problem_of(show(client, token), 401, "credentials_refused")


# Ends ----------------------------------------------------------------------------------------------------------------


def test_a_revoked_client_loses_secret_tokens_grants_and_sessions_at_once(client: Client, robot: Registered) -> None:
    token = token_of(client, robot)
    show(client, token)
    oauth_clients.revoke(client_pk=robot.client.id, by=PIT, reason="left")
    session, grant = EaSession.objects.get(), AccountGrant.objects.get()
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.KEY_REVOKED)
    assert (grant.state, grant.decided_as, grant.decision_reason) == (GrantState.REVOKED, "pit", "left")
    assert not AccessToken.objects.exists()
    assert fetch(client, robot).status_code == 401
    problem_of(show(client, token), 401, "credentials_refused")
    with pytest.raises(oauth_clients.ClientRevoked):
        oauth_clients.revoke(client_pk=robot.client.id, by=PIT, reason="again")
    with pytest.raises(oauth_clients.ClientTaken):
        register(robot.client.tenant)


def test_a_withdrawn_grant_leaves_the_client_its_other_accounts(
    client: Client, robot: Registered, account: BrokerAccount
) -> None:
    other = BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:77", tenant=robot.client.tenant)
    allow(robot.client, other)
    token = token_of(client, robot)
    show(client, token)
    show(client, token, account_id="PaperMarkets-Demo:77")
    grants.withdraw_grant(grant_id=AccountGrant.objects.get(account=account).id, by=PIT, reason="sold")
    assert EaSession.objects.get(account=account).state == SessionStatus.CLOSED
    assert EaSession.objects.get(account=other).state == SessionStatus.AUTHENTICATED
    problem_of(show(client, token), 403, "account_not_granted")


def test_a_renewed_secret_ends_the_former_one_and_its_tokens(client: Client, robot: Registered) -> None:
    token = token_of(client, robot)
    renewed = oauth_clients.renew_secret(client_pk=robot.client.id, by=PIT)
    assert fetch(client, robot).status_code == 401
    assert fetch(client, renewed).status_code == 200
    problem_of(show(client, token), 401, "credentials_refused")


# An external issuer --------------------------------------------------------------------------------------------------


@pytest.fixture
def issuer(offered: Any) -> Iterator[Served]:
    with served({"active": True, "client_id": "robot"}) as document:
        offered.OAUTH = {
            **offered.OAUTH,
            "introspection_url": f"{document.address}/introspect",
            "introspection_client_id": "ea gateway",
            "introspection_client_secret": "s3:cret",
        }
        yield document


@pytest.fixture
def foreigner(account: BrokerAccount) -> OauthClient:
    made: OauthClient = OauthClientFactory.create(client_id="robot", tenant=account.tenant)
    allow(made, account)
    return made


def test_the_external_issuer_is_asked_once_about_a_token(
    client: Client, issuer: Served, foreigner: OauthClient
) -> None:
    assert show(client, "opaque").json()["status"] == "authenticated"
    assert show(client, "opaque").status_code == 201
    ((method, body, headers),) = issuer.asked
    assert (method, parse_qs(body)["token"]) == ("POST", ["opaque"])
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"ea%20gateway:s3%3Acret"


@pytest.mark.parametrize(
    "said",
    [
        {"active": False, "client_id": "robot"},
        {"active": "true", "client_id": "robot"},
        {"active": True},
        {"active": True, "client_id": "stranger"},
        {"active": True, "client_id": "robot", "exp": 1},
        {"active": True, "client_id": "robot", "token_type": "refresh_token"},
        [],
    ],
)
def test_what_the_issuer_does_not_vouch_for_is_refused(
    client: Client, issuer: Served, foreigner: OauthClient, said: Any
) -> None:
    issuer.content = said
    problem_of(show(client, "opaque"), 401, "credentials_refused")


@pytest.mark.parametrize(
    ("audience", "status"),
    [("ea-gateway", 201), (["other", "ea-gateway"], 201), ("other", 401), ([], 401), (None, 401)],
)
def test_a_token_for_another_audience_is_refused_where_the_settings_name_ours(
    client: Client, issuer: Served, foreigner: OauthClient, offered: Any, audience: Any, status: int
) -> None:
    offered.OAUTH = {**offered.OAUTH, "introspection_audience": "ea-gateway"}
    issuer.content = {"active": True, "client_id": "robot", "token_type": "Bearer", "aud": audience}
    assert show(client, "opaque").status_code == status


def test_an_issuer_that_is_away_means_come_back(client: Client, issuer: Served, foreigner: OauthClient) -> None:
    issuer.status = 500
    answer = show(client, "opaque")
    problem_of(answer, 503, "try_later")
    assert answer["Retry-After"] == "5"
    issuer.status = 200
    assert show(client, "opaque").status_code == 201


def test_a_client_of_our_own_is_none_of_the_issuers(client: Client, issuer: Served, robot: Registered) -> None:
    problem_of(show(client, "opaque"), 401, "credentials_refused")
