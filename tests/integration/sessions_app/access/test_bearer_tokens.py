"""`bearer_token` through the REST door: what is believed, what is refused, and what an operator can still end."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import structlog
from django.db import transaction
from django.test import Client

from sessions_app.auth import issuer_keys
from sessions_app.auth.issuer_keys import KeyDocument, NoKey
from sessions_app.domain.lifecycle import GrantState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.services.access import grants, keys
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory, EaSessionFactory, TenantFactory
from tests.integration import tokens
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of
from tests.integration.tokens import jwk, public_pem, rsa_key, served, token

pytestmark = pytest.mark.django_db(transaction=True)

PIT = Actor("pit")
METHODS = ["account_session_key", "bearer_token"]


@pytest.fixture(autouse=True)
def issuer(settings: Any) -> Any:
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": METHODS}
    settings.BEARER_TOKEN = {
        **settings.BEARER_TOKEN,
        "issuer": tokens.ISSUER,
        "audience": tokens.AUDIENCE,
        "public_key": public_pem(rsa_key()),
    }
    return settings


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def account() -> BrokerAccount:
    return BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")


def show(client: Client, shown: Any, **changes: Any) -> Any:
    return ask(client, auth_method="bearer_token", auth_key=..., token=shown, **changes)


def tampered(good: str, **header: Any) -> str:
    """The token with another header and its signature kept."""
    text = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", **header}).encode()).rstrip(b"=").decode()
    return ".".join([text, *good.split(".")[1:]])


def signed_with_the_public_key() -> str:
    """HS256 with the RSA public key as its secret: what a careless verifier takes for a signature."""
    content = jwt.encode(tokens.claims(), "x" * 32, algorithm="HS256").rsplit(".", 1)[0]
    mark = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = mark.sign(content.encode(), public_pem(rsa_key()).encode())
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


# Believed -----------------------------------------------------------------------------------------------------------


def test_a_valid_token_is_authenticated_at_once_and_leaves_a_grant(client: Client, account: BrokerAccount) -> None:
    body = show(client, token()).json()
    assert body["status"] == "authenticated"
    session, grant = EaSession.objects.get(), AccountGrant.objects.get()
    assert (session.key, session.grant, session.auth_method) == (None, grant, "bearer_token")
    assert (grant.account, grant.subject, grant.decided_as) == (account, "robot-7", "policy: bearer_token")
    moves = SessionEvent.objects.order_by("id").values_list("from_state", "to_state", "reason", "actor")
    assert list(moves) == [
        ("", "granted", Reason.GRANTED, "policy: bearer_token"),
        ("", "pending", Reason.ASKED, "EA"),
        ("pending", "authenticated", Reason.GRANTED, "gateway"),
    ]


def test_a_token_preempts_like_a_key_does(client: Client, account: BrokerAccount) -> None:
    former = EaSessionFactory.create(account=account, authenticated=True)
    assert show(client, token()).json()["status"] == "authenticated"
    former.refresh_from_db()
    assert former.close_reason == Reason.PREEMPTED
    assert show(client, token()).json()["status"] == "authenticated"
    assert EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count() == 1
    assert AccountGrant.objects.count() == 1


def test_the_account_of_a_token_is_compared_like_any_account(client: Client, account: BrokerAccount) -> None:
    assert show(client, token(account_id="PAPERMARKETS-demo:00012345")).status_code == 201


def test_a_secret_of_its_own_makes_hs256_valid_and_nothing_else(
    client: Client, account: BrokerAccount, issuer: Any
) -> None:
    issuer.BEARER_TOKEN |= {"public_key": "", "secret": "s" * 40, "algorithms": ["HS256", "RS256"]}
    assert show(client, token("s" * 40, "HS256")).status_code == 201
    problem_of(show(client, token()), 401, "credentials_refused")


# Refused ------------------------------------------------------------------------------------------------------------


def past(**ago: int) -> datetime:
    return datetime.now(UTC) - timedelta(**ago)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: token(aud="another"), "audience"),
        (lambda: token(iss="https://elsewhere.example"), "issuer"),
        (lambda: token(exp=past(minutes=1)), "expired"),
        (lambda: token(nbf=past(minutes=-5)), "not_yet_valid"),
        (lambda: jwt.encode(tokens.claims(), "", algorithm="none"), "algorithm"),
        (lambda: tampered(token(), alg="none"), "algorithm"),
        (lambda: tampered(token(), alg=["RS256"]), "algorithm"),
        (lambda: tampered(token(), alg="RS512"), "algorithm"),
        (signed_with_the_public_key, "algorithm"),
        (lambda: token(rsa_key(2)), "signature"),
        (lambda: token(exp=...), "claim"),
        (lambda: token(aud=...), "claim"),
        (lambda: token(iss=...), "claim"),
        (lambda: token(account_id=...), "claim"),
        (lambda: token(account_id="PaperMarkets-Demo:999"), "claim"),
        (lambda: token(account_id=["PaperMarkets-Demo:12345"]), "claim"),
        (lambda: token(sub="x" * 300), "claim"),
        (lambda: "no.token.atall", "malformed"),
        (lambda: "a", "malformed"),
        (lambda: "é.é.é", "malformed"),
    ],
)
def test_case_024_a_bad_token_is_refused_with_one_log_line_and_no_word_of_it(
    client: Client, account: BrokerAccount, log: list[Any], make: Any, why: str
) -> None:
    bad = make()
    body = problem_of(show(client, bad), 401, "credentials_refused")
    assert body["path"] == "token"
    lines = [line for line in log if line["event"] == "token.refused"]
    assert [(line["why"], line["account"]) for line in lines] == [(why, "papermarkets-demo:12345")]
    parts = [part for part in bad.split(".") if len(part) > 10]
    assert not any(part in str(log) + json.dumps(body) for part in parts)
    assert not EaSession.objects.exists()


def test_case_024_an_unknown_kid_is_refused(client: Client, account: BrokerAccount, issuer: Any) -> None:
    with served({"keys": [jwk(rsa_key(), kid="one")]}) as document:
        issuer.BEARER_TOKEN |= {"public_key": "", "jwks": f"{document.address}/jwks.json"}
        assert show(client, token(headers={"kid": "one"})).status_code == 201
        for kid in ("two", "three", "four", "five"):
            problem_of(show(client, token(headers={"kid": kid})), 401, "credentials_refused")
        assert len(document.asked) == 5
        refused = show(client, token(headers={"kid": "six"}))
        problem_of(refused, 503, "try_later")  # its key may be a new one: the issuer is not asked more often
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert len(document.asked) == 5


def test_a_methods_own_field_is_required_and_named(client: Client, account: BrokerAccount) -> None:
    assert problem_of(show(client, ...), 400, "invalid")["path"] == "token"
    assert problem_of(ask(client, auth_key=...), 400, "invalid")["path"] == "auth_key"
    assert problem_of(show(client, 5), 400, "invalid")["path"] == "token"


@pytest.mark.parametrize("known", [True, False])
def test_a_token_for_an_account_of_nobody_is_refused_the_same_way(client: Client, known: bool) -> None:
    if known:
        BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345", tenant=None)
    body = problem_of(show(client, token()), 403, "account_not_granted")
    assert body["detail"] == "These credentials do not serve this account"
    assert BrokerAccount.objects.count() == known


def test_an_issuer_of_one_tenant_brings_its_accounts_and_no_others(client: Client, issuer: Any) -> None:
    tenant = TenantFactory.create(name="Issuer's own")
    issuer.BEARER_TOKEN |= {"tenant": "Issuer's own"}
    assert show(client, token()).json()["status"] == "authenticated"
    assert BrokerAccount.objects.get().tenant == tenant
    BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:2")
    answer = show(client, token(account_id="PaperMarkets-Demo:2"), account_id="PaperMarkets-Demo:2")
    problem_of(answer, 403, "account_not_granted")


# Withdrawn ----------------------------------------------------------------------------------------------------------


def test_a_withdrawn_grant_ends_its_session_and_refuses_the_next(client: Client, account: BrokerAccount) -> None:
    show(client, token())
    grant = AccountGrant.objects.get()
    grants.withdraw_grant(grant_id=grant.id, by=PIT, reason="left")
    session = EaSession.objects.get()
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.KEY_REVOKED)
    problem_of(show(client, token()), 403, "account_not_granted")
    with pytest.raises(grants.NotGranted):
        grants.withdraw_grant(grant_id=grant.id, by=PIT, reason="again")
    moves = SessionEvent.objects.filter(grant=grant).order_by("id").values_list("from_state", "to_state", "actor")
    assert list(moves) == [("", "granted", "policy: bearer_token"), ("granted", "revoked", "pit")]


def test_a_withdrawn_grant_can_be_given_again(client: Client, account: BrokerAccount) -> None:
    show(client, token())
    grants.withdraw_grant(grant_id=AccountGrant.objects.get().id, by=PIT, reason="left")
    again: dict[str, Any] = {"method": "bearer_token", "subject": "robot-7", "now": past()}
    with transaction.atomic():
        grants.allow_account(**again, account_pk=account.id, by=PIT, reason="came back")
    assert AccountGrant.objects.get().state == GrantState.GRANTED
    assert show(client, token()).status_code == 201


def test_a_tenant_narrows_the_methods(client: Client, issuer: Any) -> None:
    tenant = TenantFactory.create(auth_methods=["bearer_token", "oauth_client_credentials"])
    BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345", tenant=tenant)
    assert show(client, token()).status_code == 201
    # A key only waits, as it would for an account that nobody knows, and nobody can approve it.
    assert ask(client).json()["status"] == ask(client, account_id="PaperMarkets-Demo:7").json()["status"] == "pending"
    waiting = AuthKey.objects.get(account__tenant=tenant)
    with pytest.raises(keys.KeysNotTaken):
        keys.approve(key_id=waiting.id, by=PIT, reason="known")
    # Whoever has shown an approved key is told.
    AuthKey.objects.filter(id=waiting.id).update(state="approved", decided_at=past(), decided_as="olga")
    body = problem_of(ask(client), 400, "auth_method_unknown")
    assert body["detail"] == "Expected one of: bearer_token"


def test_a_tenant_that_takes_no_tokens_is_nobody_for_the_issuer(client: Client, issuer: Any) -> None:
    tenant = TenantFactory.create(auth_methods=["account_session_key"])
    BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345", tenant=tenant)
    known = problem_of(show(client, token()), 403, "account_not_granted")
    elsewhere: dict[str, Any] = {"account_id": "PaperMarkets-Demo:7"}
    unknown = problem_of(show(client, token(**elsewhere), **elsewhere), 403, "account_not_granted")
    assert {**known, "instance": ""} == {**unknown, "instance": ""}
    forged = problem_of(show(client, "no.token.atall"), 401, "credentials_refused")
    assert forged["status"] == 401


def test_the_tenant_that_an_account_joins_narrows_too(client: Client, issuer: Any) -> None:
    TenantFactory.create(name="Keys only", auth_methods=["account_session_key"])
    issuer.BEARER_TOKEN |= {"tenant": "Keys only"}
    problem_of(show(client, token()), 400, "auth_method_unknown")
    assert not BrokerAccount.objects.exists()


# The issuer's keys ---------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock that the key document sees."""
    moment = [1000.0]
    monkeypatch.setattr(issuer_keys, "monotonic", lambda: moment[0])
    return moment


def test_a_new_kid_is_fetched_at_once(clock: list[float]) -> None:
    with served({"keys": [jwk(rsa_key(), kid="one")]}) as document:
        keys = KeyDocument(f"{document.address}/jwks.json")
        keys.key_for("one", "RS256")
        document.content = {"keys": [jwk(rsa_key(2), kid="two")]}
        keys.key_for("two", "RS256")
        with pytest.raises(NoKey):
            keys.key_for("one", "RS256")


def test_who_invents_kids_makes_the_owner_of_a_new_one_wait_but_not_give_up(clock: list[float]) -> None:
    with served({"keys": [jwk(rsa_key(), kid="one")]}) as document:
        keys = KeyDocument(f"{document.address}/jwks.json")
        for number in range(5):
            with pytest.raises(NoKey):
                keys.key_for(f"invented {number}", "RS256")
        document.content = {"keys": [jwk(rsa_key(2), kid="two")]}
        with pytest.raises(Refused, match="cannot be read now"):
            keys.key_for("two", "RS256")
        clock[0] += 61
        keys.key_for("two", "RS256")
        assert len(document.asked) == 6


def test_an_issuer_that_is_away_leaves_the_last_keys_in_force(clock: list[float]) -> None:
    with served({"keys": [jwk(rsa_key(), kid="one")]}) as document:
        keys = KeyDocument(f"{document.address}/jwks.json")
        keys.key_for("one", "RS256")
        document.status = 503
        clock[0] += 3600
        keys.key_for("one", "RS256")
        assert len(document.asked) == 2


@pytest.mark.parametrize(
    "content", [b"no json", [], {"keys": {}}, b" " * 300_000], ids=["text", "list", "object", "too big"]
)
def test_while_the_issuer_serves_no_document_an_ea_is_told_to_come_back(content: Any) -> None:
    with served(content) as document, pytest.raises(Refused) as refused:
        KeyDocument(f"{document.address}/jwks.json").key_for("one", "RS256")
    assert refused.value.code == "try_later"


@pytest.mark.parametrize(
    "content", [{"keys": [5]}, {"keys": [{"kty": "oct", "k": "c2U", "kid": "one"}]}], ids=["number", "symmetric"]
)
def test_a_document_without_a_usable_key_verifies_nothing(content: Any) -> None:
    with served(content) as document, pytest.raises(NoKey):
        KeyDocument(f"{document.address}/jwks.json").key_for("one", "HS256")


def test_a_redirect_is_not_followed() -> None:
    with served({"keys": [jwk(rsa_key(), kid="one")]}, status=302) as document:
        with pytest.raises(Refused, match="cannot be read now"):
            KeyDocument(f"{document.address}/jwks.json").key_for("one", "RS256")
        assert len(document.asked) == 1


@pytest.mark.parametrize("change", [{"alg": "RS512"}, {"use": "enc"}, {"kid": "other"}])
def test_a_key_for_something_else_does_not_verify(change: dict[str, str]) -> None:
    with served({"keys": [jwk(rsa_key(), **{"kid": "one", **change})]}) as document, pytest.raises(NoKey):
        KeyDocument(f"{document.address}/jwks.json").key_for("one", "RS256")


def test_a_document_may_be_a_file_and_hold_elliptic_keys(tmp_path: Path, client: Client, issuer: Any) -> None:
    BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk(tokens.ec_key(), kid="curve")]}))
    issuer.BEARER_TOKEN |= {"public_key": "", "jwks": str(path)}
    assert show(client, token(tokens.ec_key(), "ES256", {"kid": "curve"})).status_code == 201
    problem_of(show(client, token(rsa_key(), "RS256", {"kid": "curve"})), 401, "credentials_refused")


def test_plain_http_elsewhere_is_not_asked() -> None:
    with pytest.raises(Refused, match="cannot be read now"):
        KeyDocument("http://issuer.example/jwks.json").key_for("one", "RS256")
