"""Pausing, switching off, lifting tombstones: who may, what the page says, and what it does."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orders.domain.decision.settings import SETTINGS
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import OrderType
from orders.models import Copy, Subscription, SubscriptionEvent
from tests.factories import CopyFactory, FillWaitFactory, StrategyFactory, SubscriptionFactory, UserFactory, grant
from tests.factories.sessions import now

pytestmark = pytest.mark.django_db(transaction=True)

CHANGE, LIFT = "orders.change_state_subscription", "orders.lift_tombstone_copy"
VIEWS = ("orders.view_subscription", "orders.view_copy")


@pytest.fixture
def operator(client: Client) -> User:
    user = grant(UserFactory.create(username="olga"), CHANGE, LIFT, *VIEWS)
    client.force_login(user)
    return user


def state_url(subscription: Subscription, state: str) -> str:
    verb = {"active": "resume", "close_only": "pause", "off": "switch_off"}[state]
    return reverse(f"admin:{verb}_subscription", args=[subscription.id])


def lift_url(copy: Copy) -> str:
    return reverse("admin:lift_tombstone", args=[copy.id])


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_case_136_without_the_named_permission_nothing_changes(client: Client) -> None:
    subscription, copy = SubscriptionFactory.create(), CopyFactory.create(tombstoned_at=now())
    client.force_login(grant(UserFactory.create(), *VIEWS))
    for url in (state_url(subscription, "close_only"), lift_url(copy)):
        assert [client.get(url).status_code, client.post(url, {"reason": "because"}).status_code] == [403, 403]
    subscription.refresh_from_db()
    copy.refresh_from_db()
    assert (subscription.state, copy.tombstoned_at is not None) == ("active", True)


def test_looking_at_the_page_changes_nothing(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create()
    CopyFactory.create(subscription=subscription, order_type=OrderType.LIMIT, state=CopyState.WORKING)
    CopyFactory.create(subscription=subscription, state=CopyState.OPEN)
    page = text_of(client.get(state_url(subscription, "close_only")))
    assert "Working pending copies are cancelled: 1." in page
    assert "Closes and stops of the open copies go on flowing: 1." in page
    subscription.refresh_from_db()
    assert subscription.state == "active"


def test_a_person_pauses_with_a_reason(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create()
    refused = client.post(state_url(subscription, "close_only"), {"reason": ""})
    assert "This field is required" in text_of(refused)
    answer: Any = client.post(state_url(subscription, "close_only"), {"reason": "holidays"}, follow=True)
    assert told(answer) == [f"The subscription of {subscription.follower.claimed_as} is paused now."]
    event = SubscriptionEvent.objects.get()
    assert (event.to_state, event.actor, event.note) == ("close_only", "olga", "holidays")


def test_the_second_person_is_told_that_nothing_changed(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create(state="close_only")
    answer: Any = client.post(state_url(subscription, "close_only"), {"reason": "me too"}, follow=True)
    assert told(answer)[0].startswith("Nothing changed")
    assert not SubscriptionEvent.objects.exists()


def test_open_copies_must_be_detached_to_switch_off(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create()
    copy = CopyFactory.create(subscription=subscription, state=CopyState.OPEN)
    refused = client.post(state_url(subscription, "off"), {"reason": "he left"})
    assert "1 open copies: close them first, or detach them" in text_of(refused)
    answer: Any = client.post(state_url(subscription, "off"), {"reason": "he left", "detach": "on"}, follow=True)
    assert told(answer)[0].endswith("is switched off now.")
    copy.refresh_from_db()
    assert copy.close_cause == "detached"


def test_case_153_a_circle_cannot_be_resumed_in_the_admin(client: Client, operator: User) -> None:
    first = SubscriptionFactory.create()
    back = StrategyFactory.create(master=first.follower, tenant=first.strategy.tenant)
    second = SubscriptionFactory.create(strategy=back, follower=first.strategy.master, state="off")
    refused = client.post(state_url(second, "active"), {"reason": "please"})
    assert "accounts may not copy in a circle" in text_of(refused)
    second.refresh_from_db()
    assert second.state == "off"


@pytest.mark.parametrize("state", ["paused", "OFF"])
def test_a_state_that_there_is_not_is_no_page(client: Client, operator: User, state: str) -> None:
    page = state_url(SubscriptionFactory.create(), "off").replace("switch_off", state)
    assert client.get(page).status_code == 404


def test_a_subscriptions_page_leads_to_what_may_be_done(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create(state="close_only")
    page = text_of(client.get(reverse("admin:orders_subscription_change", args=[subscription.id])))
    for state, shown in (("active", True), ("off", True), ("close_only", False)):
        assert (state_url(subscription, state) in page) is shown


def test_a_subscriptions_page_says_what_every_setting_does(client: Client, operator: User) -> None:
    subscription = SubscriptionFactory.create(max_lots=Decimal("2.5"))
    page = unescape(text_of(client.get(reverse("admin:orders_subscription_change", args=[subscription.id]))))
    assert [row.name for row in SETTINGS.rows if row.help.sentence.replace("`", "") not in page] == []
    assert "2.5" in page


def test_a_person_lifts_a_tombstone_once(client: Client, operator: User) -> None:
    copy = CopyFactory.create(state=CopyState.CLOSED, close_cause="manual", tombstoned_at=now())
    page = text_of(client.get(reverse("admin:orders_copy_change", args=[copy.id])))
    assert lift_url(copy) in page
    assert "Nothing is opened by this." in text_of(client.get(lift_url(copy)))
    first: Any = client.post(lift_url(copy), {"reason": "a slip"}, follow=True)
    assert told(first) == [f"The tombstone of position {copy.position_id} is lifted."]
    again: Any = client.post(lift_url(copy), {"reason": "a slip"}, follow=True)
    assert told(again)[-1] == "Nothing changed: this copy has no tombstone."
    copy.refresh_from_db()
    assert (copy.tombstoned_at, copy.lifted_at is not None) == (None, True)
    assert SubscriptionEvent.objects.get().note == "a slip"


def test_the_page_of_a_copy_without_tombstone_offers_nothing(client: Client, operator: User) -> None:
    copy = CopyFactory.create()
    assert lift_url(copy) not in text_of(client.get(reverse("admin:orders_copy_change", args=[copy.id])))


def test_a_decisions_page_tells_what_became_of_its_pending_copies(client: Client, operator: User) -> None:
    grant(operator, "orders.view_decision")
    steps = [{"step": "reopen", "result": "signal_too_old", "at": "2026-11-27T01:00:00.000Z", "age_seconds": 61.5}]
    wait = FillWaitFactory.create(state="denied", code="signal_too_old", due_at=None, settled_at=now(), steps=steps)
    client.force_login(User.objects.get(pk=operator.pk))
    page = text_of(client.get(reverse("admin:orders_decision_change", args=[wait.decision_id])))
    assert "Copies that had not filled" in page
    assert "<dt>age seconds</dt><dd><bdi>61.5</bdi></dd>" in page
