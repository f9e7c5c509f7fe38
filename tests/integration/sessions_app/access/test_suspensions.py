"""Suspending an account: nobody serves it, nothing of it is lost, and it can be lifted."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.services.access import keys, suspensions
from sessions_app.services.lifecycle import promotion
from sessions_app.services.operations.history import Actor
from tests.factories.sessions import key_material
from tests.integration.sessions_app.rest.test_rest_sessions import approve, ask, problem_of

pytestmark = pytest.mark.django_db(transaction=True)
OLGA = Actor("olga")


@pytest.fixture
def account(client: Client) -> BrokerAccount:
    """An account with an authenticated session."""
    ask(client)
    approve()
    assert ask(client).json()["status"] == "authenticated"
    return BrokerAccount.objects.get()


def suspend(account: BrokerAccount) -> int:
    return suspensions.suspend(account_pk=account.id, by=OLGA, reason="unpaid")


def lift(account: BrokerAccount) -> None:
    suspensions.lift_suspension(account_pk=account.id, by=OLGA, reason="paid")


def serving() -> Any:
    return EaSession.objects.filter(state=SessionStatus.AUTHENTICATED)


def test_the_session_ends_and_its_owner_is_told_why(client: Client, account: BrokerAccount) -> None:
    assert suspend(account) == 1
    assert not serving().exists()
    assert EaSession.objects.get(close_reason=Reason.ACCOUNT_SUSPENDED).state == SessionStatus.CLOSED
    problem_of(ask(client), 403, "account_suspended")


def test_the_account_tells_who_did_it_when_and_why(account: BrokerAccount) -> None:
    suspend(account)
    lift(account)
    told = SessionEvent.objects.filter(account=account, session=None, key=None).order_by("id")
    assert [(row.from_state, row.to_state, row.reason, row.note, row.actor) for row in told] == [
        ("active", "suspended", "account_suspended", "unpaid", "olga"),
        ("suspended", "active", "suspension_lifted", "paid", "olga"),
    ]


def test_the_second_who_does_it_changes_nothing(account: BrokerAccount) -> None:
    suspend(account)
    before = SessionEvent.objects.count()
    with pytest.raises(suspensions.AlreadyThere):
        suspend(account)
    lift(account)
    with pytest.raises(suspensions.AlreadyThere):
        lift(account)
    assert SessionEvent.objects.count() == before + 1


def test_after_it_is_lifted_the_key_opens_a_session_again(client: Client, account: BrokerAccount) -> None:
    suspend(account)
    lift(account)
    assert ask(client).json()["status"] == "authenticated"


def test_a_stranger_who_waits_learns_nothing_and_is_not_promoted_before_it_is_lifted(
    client: Client, account: BrokerAccount
) -> None:
    waiting = UUID(ask(client, auth_key=key_material(2)).json()["session_id"])
    suspend(account)
    assert EaSession.objects.get(id=waiting).state == SessionStatus.PENDING
    keys.approve(key_id=AuthKey.objects.get(state="pending").id, by=OLGA, reason="known")
    assert not promotion.promote_session(session_id=waiting)
    lift(account)
    assert promotion.promote_session(session_id=waiting)


def test_the_page_of_an_account_leads_to_the_act_that_is_open(admin_client: Client, account: BrokerAccount) -> None:
    page = reverse("admin:sessions_app_brokeraccount_change", args=[account.pk])
    act, undo = (reverse(f"admin:{name}", args=[account.pk]) for name in ("suspend_account", "lift_suspension"))
    text = admin_client.get(page).content.decode()
    assert act in text
    assert undo not in text
    answer = admin_client.post(act, {"reason": "unpaid"}, follow=True)
    assert "Its session has ended." in answer.content.decode()
    assert undo in admin_client.get(page).content.decode()
    admin_client.post(undo, {"reason": "paid"})
    account.refresh_from_db()
    assert account.suspended_at is None


def test_a_session_that_an_operator_ends_says_so(admin_client: Client, account: BrokerAccount) -> None:
    session = serving().get()
    admin_client.post(reverse("admin:end_session", args=[session.pk]), {"reason": "wrong terminal"})
    session.refresh_from_db()
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.CLOSED_BY_OPERATOR)
    last = SessionEvent.objects.filter(session=session).order_by("id").last()
    assert last is not None
    assert (last.note, last.actor) == ("wrong terminal", "admin")
