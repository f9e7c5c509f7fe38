"""A pending session of an account that exists is told what one of an account that nobody knows is told."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from sessions_app import queries
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.services.access import keys
from sessions_app.services.lifecycle import resuming
from sessions_app.services.operations.history import Actor
from tests.factories import AuthKeyFactory, BrokerAccountFactory, TenantFactory
from tests.factories.sessions import key_material

pytestmark = pytest.mark.django_db(transaction=True)

EPOCH = UUID("01a20b28-0000-7000-8000-000000000001")


@pytest.fixture
def account() -> BrokerAccount:
    """An account whose log, rate and heartbeat are all its own."""
    tenant = TenantFactory.create(heartbeat_interval=7, heartbeat_timeout=42)
    account = BrokerAccountFactory.create(
        account_id="srv:1", claimed_as="srv:1", tenant=tenant, intent_rate=777, epoch=EPOCH, next_seq=42, acked_seq=40
    )
    AuthKeyFactory.create(account=account, approved=True, material=key_material(1))
    return account


def opened(name: str, number: int) -> dict[str, Any]:
    body = {"account_id": name, "auth_method": "account_session_key", "auth_key": key_material(number)}
    answer = Client().post("/ea-gateway/v1/sessions", {**body, "platform": "mt4"}, content_type="application/json")
    return {"status_code": answer.status_code, **answer.json()}


def resumed(token: str, **hello: Any) -> resuming.Resumed:
    return resuming.resume(token=token, hello=Hello(token=token, **hello))


def shape(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is each session's own."""
    own_fields = {"session_id", "session_token", "key_code", "account_id", "exchange_url", "created_at", "server_time"}
    return {name: value for name, value in answer.items() if name not in own_fields}


def test_known_and_unknown_accounts_answer_alike(account: BrokerAccount) -> None:
    known, unknown = opened("srv:1", 2), opened("srv:2", 3)
    assert shape(known) == shape(unknown)
    assert (known["status"], known["limits"]["intent_rate"]) == ("pending", 20)


def test_what_a_tenant_takes_is_not_told_to_strangers(account: BrokerAccount) -> None:
    assert account.tenant is not None
    account.tenant.auth_methods = ["bearer_token"]
    account.tenant.save(update_fields=["auth_methods"])
    known, unknown = opened("srv:1", 2), opened("srv:2", 3)
    assert shape(known) == shape(unknown)
    assert known["status"] == "pending"
    owner = opened("srv:1", 1)
    assert (owner["status_code"], owner["code"]) == (400, "auth_method_unknown")


def test_a_pending_link_is_told_an_empty_log_that_is_not_the_accounts(account: BrokerAccount) -> None:
    stranger = opened("srv:1", 2)
    found = resumed(stranger["session_token"])
    assert (found.standing.epoch, found.standing.top_seq) == (UUID(stranger["session_id"]), 0)
    assert (found.recovered, found.resume_from) == (True, 0)


@pytest.mark.parametrize("claim", [EPOCH, uuid4()])
def test_a_claim_comes_back_whether_it_is_true_or_not(account: BrokerAccount, claim: UUID) -> None:
    stranger = opened("srv:1", 2)
    found = resumed(stranger["session_token"], epoch=claim, last_server_seq=3)
    assert (found.standing.epoch, found.standing.top_seq, found.recovered) == (claim, 0, True)


def test_the_truth_comes_with_the_promotion_and_a_terminal_that_had_nothing_is_no_other_one(
    account: BrokerAccount,
) -> None:
    waiting = opened("srv:1", 2)
    neutral = resumed(waiting["session_token"]).standing.epoch
    resumed(waiting["session_token"], epoch=neutral)  # it comes back with the epoch that it was told
    key = EaSession.objects.get(id=waiting["session_id"]).key
    assert key is not None
    keys.approve(key_id=key.id, by=Actor("olga"), reason="known")
    standing = queries.standing_by_token(token_digest(waiting["session_token"]))
    assert standing is not None
    assert (standing.state, standing.epoch, standing.top_seq) == ("authenticated", EPOCH, 41)
    assert standing.snapshot_reason != "new_epoch"
    assert resumed(waiting["session_token"], epoch=neutral).resume_from == 0


def test_an_owner_is_told_everything(account: BrokerAccount) -> None:
    owner = opened("srv:1", 1)
    assert (owner["limits"]["intent_rate"], owner["heartbeat"]) == (777, {"interval_seconds": 7, "timeout_seconds": 42})
    found = resumed(owner["session_token"], epoch=EPOCH)
    assert (found.standing.epoch, found.standing.top_seq) == (EPOCH, 41)
