"""POST /sessions under one Idempotency-Key: whose session is found again, and what becomes of its former token."""

from typing import Any

import pytest
from django.test import Client

from sessions_app.domain.lifecycle import Reason
from sessions_app.models import AuthKey, BrokerAccount, EaSession
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations.history import EA
from tests.factories import AuthKeyFactory, BrokerAccountFactory
from tests.factories.sessions import key_material

pytestmark = pytest.mark.django_db(transaction=True)

REPLAY = {"Idempotency-Key": "once"}


@pytest.fixture
def account() -> BrokerAccount:
    account = BrokerAccountFactory.create(account_id="srv:1", claimed_as="srv:1")
    for number in (1, 2):
        AuthKeyFactory.create(account=account, approved=True, material=key_material(number))
    return account


def ask(number: int, **changes: Any) -> Any:
    body = {"account_id": "srv:1", "auth_method": "account_session_key", "platform": "mt4"}
    body |= {"auth_key": key_material(number), **changes}
    return Client().post("/ea-gateway/v1/sessions", body, content_type="application/json", headers=REPLAY)


def test_a_replay_finds_its_session_and_gets_another_token(account: BrokerAccount) -> None:
    first, again = ask(1).json(), ask(1).json()
    assert first["session_id"] == again["session_id"]
    assert first["session_token"] != again["session_token"]


def test_another_credential_under_the_same_key_gets_a_session_of_its_own(account: BrokerAccount) -> None:
    first, other = ask(1).json(), ask(2).json()
    assert first["session_id"] != other["session_id"]
    assert EaSession.objects.get(id=other["session_id"]).key == AuthKey.objects.get(id=_key_of(other))
    assert ask(2).json()["session_id"] == other["session_id"]


def _key_of(opened: dict[str, Any]) -> Any:
    return EaSession.objects.values_list("key", flat=True).get(id=opened["session_id"])


def test_a_stranger_meets_no_session_of_the_owner(account: BrokerAccount) -> None:
    owner, stranger = ask(1).json(), ask(3, platform="sdk").json()
    assert (owner["status"], stranger["status"]) == ("authenticated", "pending")
    assert owner["session_id"] != stranger["session_id"]


def test_a_replay_for_a_session_that_has_ended_opens_a_new_one(account: BrokerAccount) -> None:
    first = ask(1).json()
    ending.close_session(session_id=first["session_id"], reason=Reason.SHUTDOWN_BY_EA, actor=EA)
    second, third = ask(1).json(), ask(1).json()
    assert second["session_id"] != first["session_id"]
    assert (second["status"], third["session_id"]) == ("authenticated", second["session_id"])


def test_another_body_is_refused_as_before(account: BrokerAccount) -> None:
    ask(1)
    assert ask(1, platform="mt5").json()["code"] == "idempotency_key_reused"
