"""The approval desk: pages, search, order, what was not heard for long, and several keys rejected with one reason."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.staff.waiting import ROWS
from sessions_app.models import AuthKey, SessionEvent
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor
from tests.factories import (
    AuthKeyFactory,
    BrokerAccountFactory,
    CommandFactory,
    EaSessionFactory,
    StrategyFactory,
    SubscriptionFactory,
    UserFactory,
    grant,
)
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = re.compile(r'aria-label="Approve the key of ([^"]+)"')


@pytest.fixture
def approver(client: Client) -> User:
    user = grant(UserFactory.create(), "sessions_app.decide_authkey", "sessions_app.view_authkey")
    client.force_login(user)
    return user


def key_of(name: str, *, heard: timedelta | None = None, asked: timedelta = timedelta(0), **changes: object) -> AuthKey:
    """A key that waits: asked for so long ago, and heard of by a session so long ago."""
    now = database_now()
    key: AuthKey = AuthKeyFactory.create(
        key_hash="-", account__tenant=None, account__claimed_as=name, requested_at=now - asked, **changes
    )
    if heard is not None:
        EaSessionFactory.create(account=key.account, key=key, last_heartbeat_at=now - heard)
    return key


def desk(client: Client, query: str = "") -> str:
    return client.get(reverse("admin:approvals") + query).content.decode()


def shown(client: Client, query: str = "") -> list[str]:
    return SHOWN.findall(desk(client, query))


def test_the_newest_heard_comes_first_and_other_orders_can_be_asked_for(client: Client, approver: User) -> None:
    key_of("B:1", asked=timedelta(hours=3), heard=timedelta(minutes=1))
    key_of("A:2", asked=timedelta(hours=9), heard=timedelta(minutes=9))
    key_of("C:3", asked=timedelta(hours=1))
    assert shown(client) == ["B:1", "A:2", "C:3"]
    assert shown(client, "?order=asked") == ["A:2", "B:1", "C:3"]
    assert shown(client, "?order=account") == ["A:2", "B:1", "C:3"]
    assert shown(client, "?order=%00&page=0&stale=x") == ["B:1", "A:2", "C:3"]


def test_what_was_not_heard_for_a_day_stands_apart(client: Client, approver: User) -> None:
    key_of("Fresh:1", asked=timedelta(days=3), heard=timedelta(hours=23))
    key_of("Stale:2", asked=timedelta(days=3), heard=timedelta(hours=25))
    key_of("Never:3", asked=timedelta(days=2))
    assert shown(client) == ["Fresh:1"]
    assert "Not heard for a day: 2</a>" in desk(client)
    assert shown(client, "?stale=1") == ["Stale:2", "Never:3"]


@pytest.mark.parametrize("text", ["fxcm", "203.0.113.9", "4F2A 91", "4f2a91c0", "0123fin"])
def test_a_key_is_found_by_account_address_code_and_fingerprint(client: Client, approver: User, text: str) -> None:
    key = key_of("FXCM-Live:77", requested_from="203.0.113.9", code="4f2a91c0")
    AuthKey.objects.filter(pk=key.pk).update(fingerprint="0123fin" + "e" * 57)
    key_of("Other:1")
    assert shown(client, f"?q={text}") == ["FXCM-Live:77"]
    assert "No key fits" in desk(client, "?q=nothing%20at%20all")


def test_a_search_is_text(client: Client, approver: User) -> None:
    assert "<script>x" not in desk(client, "?q=%3Cscript%3Ex")


def test_pages_hold_all_keys_each_once_and_keep_what_was_asked_for(client: Client, approver: User) -> None:
    for number in range(ROWS + 3):
        key_of(f"Many:{number:03}")
    first, second = desk(client, "?order=account&q=many"), desk(client, "?q=many&order=account&page=2")
    names = SHOWN.findall(first) + SHOWN.findall(second)
    assert names == [f"Many:{number:03}" for number in range(ROWS + 3)]
    assert "?q=many&amp;order=account&amp;page=2" in first
    assert f"{ROWS + 1} to {ROWS + 3} of {ROWS + 3}" in second


def test_a_desk_asks_the_database_as_often_for_many_keys_as_for_one(client: Client, approver: User) -> None:
    costs = []
    for _ in range(2):
        for _ in range(5):
            key_of(f"Many:{AuthKey.objects.count()}", heard=timedelta(0))
        with counted() as cost:
            desk(client)
        costs.append(cost)
    assert costs[0].calls == costs[1].calls <= 12, costs[0].sql


def test_a_row_says_what_the_account_is_for_what_it_has_and_what_waits(client: Client, approver: User) -> None:
    subscription = SubscriptionFactory.create(strategy__name="Trend")
    follower = subscription.follower
    AuthKeyFactory.create(account=follower, requested_from="203.0.113.9")
    AuthKeyFactory.create(account=follower, approved=True)
    CommandFactory.create_batch(2, account=follower, held=True)
    master = StrategyFactory.create(name="Led").master
    AuthKeyFactory.create(account=master, requested_from="203.0.113.9")
    page = desk(client)
    for words in ("follower of Trend", "has 1 approved key", "2 commands wait", "master of Led"):
        assert words in re.sub(r"</?bdi>", "", page), words
    # The two that wait came from one place.
    assert page.count(">and 1 other</a>") == 2


def test_several_are_rejected_with_one_reason_and_each_history_has_it(client: Client, approver: User) -> None:
    some = [key_of(f"Bad:{number}") for number in range(3)]
    spared = key_of("Good:1")
    address = reverse("admin:reject_keys") + "?" + "&".join(f"row={key.pk}" for key in some)
    page = client.get(address).content.decode()
    assert all(f"Bad:{number}" in page for number in range(3))
    assert "Good:1" not in page
    assert client.post(address, {"reason": ""}).status_code == 200
    assert AuthKey.objects.filter(state="rejected").count() == 0
    answer = client.post(address, {"reason": "nobody knows them"}, follow=True)
    assert "Rejected 3 keys." in answer.content.decode()
    assert set(AuthKey.objects.filter(state="rejected")) == set(some)
    told = SessionEvent.objects.filter(to_state="rejected", note__contains="nobody knows them")
    assert set(told.values_list("key_id", flat=True)) == {key.pk for key in some}
    spared.refresh_from_db()
    assert spared.state == "pending"


def test_what_somebody_else_has_decided_meanwhile_stays(client: Client, approver: User) -> None:
    account = BrokerAccountFactory.create()
    first, second = AuthKeyFactory.create(account=account), key_of("Bad:2")
    address = f"{reverse('admin:reject_keys')}?row={first.pk}&row={second.pk}"
    keys.approve(key_id=first.pk, by=Actor("somebody"), reason="known")
    assert "Rejected 1 key." in client.post(address, {"reason": "no"}, follow=True).content.decode()
    first.refresh_from_db()
    assert first.state == "approved"
    again = client.post(address, {"reason": "no"}, follow=True).content.decode()
    assert "Nothing changed: all of them are decided already, or gone." in again


@pytest.mark.parametrize("query", ["", "?row="])
def test_nobody_is_rejected_when_nobody_was_chosen(client: Client, approver: User, query: str) -> None:
    key_of("Any:1")
    answer = client.post(reverse("admin:reject_keys") + query, {"reason": "no"})
    assert answer.status_code in (302, 404)
    assert AuthKey.objects.get().state == "pending"


def test_an_approval_may_have_an_end(client: Client, approver: User) -> None:
    key = AuthKeyFactory.create()
    client.post(reverse("admin:approve_key", args=[key.pk]), {"reason": "for a week", "lasts": "168"})
    key.refresh_from_db()
    assert key.state == "approved"
    assert key.retires_at is not None
    assert timedelta(0) <= database_now() + timedelta(hours=168) - key.retires_at < timedelta(minutes=1)
