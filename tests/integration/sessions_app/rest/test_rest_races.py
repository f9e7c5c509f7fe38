"""Requests and decisions that come in the same instant, each on a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from sessions_app.domain.lifecycle import KeyState, SessionStatus
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.services.access import idempotency, keys
from sessions_app.services.access.keys import AlreadyDecided
from sessions_app.services.operations.history import Actor
from tests.factories import AuthKeyFactory, BrokerAccountFactory, EaSessionFactory
from tests.factories.sessions import key_material, key_of

pytestmark = pytest.mark.django_db(transaction=True)

HANDS = 6
PATIENCE_S = 10


def together(ask: Callable[[int], Any]) -> list[Any]:
    """What each of HANDS threads gets, all started at once."""
    start = Barrier(HANDS)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=10)
            return ask(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(HANDS) as pool:
        return list(pool.map(run, range(HANDS)))


def post(number: int = 1, headers: dict[str, str] | None = None, **changes: str) -> Any:
    body = {
        "account_id": "Paper-Demo:1",
        "auth_method": "account_session_key",
        "auth_key": key_material(number),
        "platform": "mt4",
        **changes,
    }
    return Client().post("/ea-gateway/v1/sessions", body, content_type="application/json", headers=headers or {})


def test_case_070_many_authorisations_at_once_leave_one_authenticated_session() -> None:
    AuthKeyFactory.create(account__claimed_as="Paper-Demo:1", material=key_material(1), approved=True)
    answers = together(lambda _: post())
    assert {answer.status_code for answer in answers} == {201}
    assert EaSession.objects.count() == HANDS
    assert EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count() == 1
    assert BrokerAccount.objects.get().fence == HANDS


def test_case_022_an_idempotency_key_in_flight_makes_one_session() -> None:
    AuthKeyFactory.create(account__claimed_as="Paper-Demo:1", material=key_material(1), approved=True)
    answers = together(lambda _: post(headers={"Idempotency-Key": "one"}))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_flight"}
    opened = {answer.json()["session_id"] for answer in answers if answer.status_code == 201}
    assert opened == {str(EaSession.objects.get().id)}


def test_case_022_a_request_under_a_key_that_is_being_answered_is_told_to_come_again() -> None:
    AuthKeyFactory.create(account__claimed_as="Paper-Demo:1", material=key_material(1), approved=True)
    held, done = Event(), Event()

    def answer_slowly() -> None:
        try:
            with idempotency.only_one("paper-demo:1 one"):
                held.set()
                done.wait(PATIENCE_S)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(answer_slowly)
        assert held.wait(PATIENCE_S)
        refused = post(headers={"Idempotency-Key": "one"})
        assert (refused.status_code, refused.json()["code"]) == (409, "request_in_flight")
        assert refused["Retry-After"] == "1"
        assert post(headers={"Idempotency-Key": "another"}).status_code == 201
        done.set()
        slow.result(PATIENCE_S)
    assert post(headers={"Idempotency-Key": "one"}).status_code == 201


def test_case_022_one_idempotency_key_of_many_accounts_makes_a_session_each() -> None:
    def ask(number: int) -> Any:
        return post(number + 1, {"Idempotency-Key": "shared"}, account_id=f"Paper-Demo:{number + 1}")

    answers = together(ask)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["session_id"] for answer in answers}) == HANDS


def test_case_022_of_many_bodies_under_one_idempotency_key_one_is_taken() -> None:
    AuthKeyFactory.create(account__claimed_as="Paper-Demo:1", material=key_material(1), approved=True)
    answers = together(lambda number: post(1, {"Idempotency-Key": "one"}, ea_version=f"1.{number}"))
    codes = sorted(answer.json().get("code", "opened") for answer in answers)
    assert codes.count("opened") == 1
    assert set(codes) <= {"opened", "request_in_flight", "idempotency_key_reused"}
    assert EaSession.objects.count() == 1


def test_case_013_many_hands_close_a_session_once_and_all_succeed() -> None:
    opened = post().json()
    url, header = f"/ea-gateway/v1/sessions/{opened['session_id']}", f"Bearer {opened['session_token']}"
    answers = together(lambda _: Client().delete(url, headers={"Authorization": header}))
    assert {answer.status_code for answer in answers} == {204}
    assert SessionEvent.objects.filter(session=opened["session_id"], to_state=SessionStatus.CLOSED).count() == 1


def test_case_113_many_first_requests_with_one_key_are_one_approval_request() -> None:
    answers = together(lambda _: post(7))
    # Five sessions a minute are a pending key's share.
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [429] * (HANDS - 5)
    assert (AuthKey.objects.count(), BrokerAccount.objects.count()) == (1, 1)


def test_case_020_many_hands_on_one_key_make_one_decision() -> None:
    session = EaSessionFactory.create()

    def decide(number: int) -> bool:
        act = keys.reject if number % 2 else keys.approve
        try:
            act(key_id=key_of(session).id, by=Actor(f"hand {number}"), reason="mine")
        except AlreadyDecided:
            return False
        return True

    assert sorted(together(decide)) == [False] * (HANDS - 1) + [True]
    assert SessionEvent.objects.filter(key=session.key, session=None).count() == 1
    key = AuthKey.objects.get()
    expected = SessionStatus.AUTHENTICATED if key.state == KeyState.APPROVED else SessionStatus.REJECTED
    assert EaSession.objects.get().state == expected


def test_case_070_approving_several_keys_of_an_account_leaves_one_session_authenticated() -> None:
    account = BrokerAccountFactory.create()
    asking = [EaSessionFactory.create(account=account) for _ in range(HANDS)]
    together(lambda number: keys.approve(key_id=key_of(asking[number]).id, by=Actor("olga"), reason="ours"))
    assert EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count() == 1
    assert EaSession.objects.filter(state=SessionStatus.CLOSED, close_reason="preempted").count() == HANDS - 1
    account.refresh_from_db()
    assert account.fence == HANDS
