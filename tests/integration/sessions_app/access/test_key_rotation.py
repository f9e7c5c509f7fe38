"""Replacing a key: both are valid for a while, then the former one ends by itself; a revocation is felt at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.test import Client

from sessions_app.domain.lifecycle import KeyState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.access.keys import AlreadyDecided
from sessions_app.services.lifecycle import opening
from sessions_app.services.operations.history import Actor
from sessions_app.tasks import revoke_retired
from tests.factories import AccountGrantFactory, AuthKeyFactory, BrokerAccountFactory, EaSessionFactory
from tests.factories.sessions import key_material, key_of, now
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)

OLGA = Actor("olga")
NAME = "PaperMarkets-Demo:12345"
HOURS = timedelta(hours=4)


@pytest.fixture
def former() -> AuthKey:
    return AuthKeyFactory.create(account__claimed_as=NAME, material=key_material(1), approved=True)


def approve_successor(client: Client, overlap: timedelta | None = HOURS) -> AuthKey:
    ask(client, auth_key=key_material(2))
    key = AuthKey.objects.get(state=KeyState.PENDING)
    keys.approve(key_id=key.id, by=OLGA, reason="new terminal", overlap=overlap)
    return key


def pass_time(key: AuthKey) -> None:
    AuthKey.objects.filter(id=key.id).update(retires_at=now() - timedelta(seconds=1))


def test_during_the_overlap_both_keys_are_good(client: Client, former: AuthKey) -> None:
    approve_successor(client)
    former.refresh_from_db()
    assert former.retires_at is not None
    assert timedelta(hours=3, minutes=59) < former.retires_at - now() <= HOURS
    for number in (1, 2):
        assert ask(client, auth_key=key_material(number)).json()["status"] == "authenticated"
    assert revoke_retired() == 0


def test_after_the_overlap_the_former_key_ends_with_its_session(client: Client, former: AuthKey) -> None:
    approve_successor(client)
    session = EaSession.objects.get(id=ask(client).json()["session_id"])
    pass_time(former)
    problem_of(ask(client), 403, "key_rejected")
    assert revoke_retired() == 1
    former.refresh_from_db()
    session.refresh_from_db()
    assert (former.state, former.decided_as) == (KeyState.REVOKED, "gateway")
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.KEY_REVOKED)
    assert ask(client, auth_key=key_material(2)).json()["status"] == "authenticated"
    assert revoke_retired() == 0


def test_without_an_overlap_the_former_key_stays(client: Client, former: AuthKey) -> None:
    approve_successor(client, overlap=None)
    former.refresh_from_db()
    assert former.retires_at is None


def test_an_overlap_of_nothing_ends_the_former_key_at_once(client: Client, former: AuthKey) -> None:
    approve_successor(client, overlap=timedelta(0))
    problem_of(ask(client), 403, "key_rejected")


def test_retiring_is_told_in_the_history_and_only_for_approved_keys(former: AuthKey) -> None:
    keys.retire(key_id=former.id, after=HOURS, by=OLGA, reason="terminal is replaced")
    told = SessionEvent.objects.filter(key=former).values_list("from_state", "to_state", "reason", "actor").get()
    assert told == ("approved", "approved", Reason.KEY_RETIRES, "olga")
    waiting = AuthKeyFactory.create()
    with pytest.raises(AlreadyDecided):
        keys.retire(key_id=waiting.id, after=HOURS, by=OLGA, reason="no")
    with pytest.raises(IntegrityError), transaction.atomic():
        AuthKey.objects.filter(id=waiting.id).update(retires_at=now())


def test_a_sooner_end_is_never_put_off(client: Client, former: AuthKey) -> None:
    keys.retire(key_id=former.id, after=timedelta(hours=1), by=OLGA, reason="replaced")
    approve_successor(client)
    former.refresh_from_db()
    assert former.retires_at is not None
    assert former.retires_at - now() <= timedelta(hours=1)


def test_an_approval_with_an_overlap_and_sessions_of_the_former_key_do_not_block_each_other(former: AuthKey) -> None:
    asking = EaSessionFactory.create(account=former.account)
    start = Barrier(6)

    def act(number: int) -> int:
        try:
            start.wait(timeout=10)
            if number == 0:
                keys.approve(key_id=key_of(asking).id, by=OLGA, reason="new terminal", overlap=HOURS)
                return 201
            return int(ask(Client()).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(act, range(6))) == {201}
    assert EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count() == 1


# Revocation ----------------------------------------------------------------------------------------------------------


def test_case_019_the_next_durable_frame_after_a_revocation_is_refused_in_its_transaction() -> None:
    master = Desk.open("srv:1").introduce()
    keys.revoke(key_id=master.key.id, by=OLGA, reason="sold")
    arrival = master.buy(1)
    assert arrival.refusal is not None
    assert arrival.refusal.code == "session_closed"


def test_a_revocation_and_a_session_that_opens_at_once_do_not_miss_each_other(former: AuthKey) -> None:
    """Whoever is first, no authenticated session rests on the revoked key afterwards."""
    start = Barrier(6)

    def act(number: int) -> None:
        try:
            start.wait(timeout=10)
            if number == 0:
                keys.revoke(key_id=former.id, by=OLGA, reason="sold")
            else:
                ask(Client())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    assert AuthKey.objects.get().state == KeyState.REVOKED
    assert not EaSession.objects.filter(state__in=["authenticated", "pending"]).exists()


def test_a_session_that_was_verified_before_the_revocation_is_not_opened_after_it(former: AuthKey) -> None:
    keys.revoke(key_id=former.id, by=OLGA, reason="sold")
    request = opening.Request(auth_method="account_session_key", platform="mt4")
    with pytest.raises(Refused, match="rejected or revoked"):
        opening.open_session(key=former, request=request)
    assert not EaSession.objects.exists()


# What a session rests on -----------------------------------------------------------------------------------------


def test_a_session_rests_on_exactly_one_proof() -> None:
    account: BrokerAccount = BrokerAccountFactory.create()
    grant = AccountGrantFactory.create(account=account)
    both: dict[str, Any] = {"account": account, "grant": grant}
    for broken in (both, {"account": account, "key": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            EaSessionFactory.create(**broken)
    assert key_of(EaSessionFactory.create(account=account)).account == account
    assert EaSessionFactory.create(account=account, key=None, grant=grant).grant == grant
