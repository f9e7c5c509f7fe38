"""InitRequests: a terminal may tell many things, but what is stored of them is bounded."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from orders import queries as order_queries
from sessions_app import queries
from sessions_app.models import BrokerAccount, EaSession, TerminalProfile
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Batch
from tests.integration.counting import Cost, counted
from tests.integration.sessions_app.lifecycle.test_kept_until_promotion import approve
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = settings.GATEWAY["init_requests_per_hour"]


def age(desk: Desk) -> None:
    """Let an hour pass."""
    TerminalProfile.objects.filter(session=desk.session).update(
        created_at=queries.database_now() - timedelta(minutes=61)
    )


def test_different_init_requests_of_one_session_are_stored_up_to_a_bound() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    refused = desk.send("InitRequest", {"currency": "USD", "build": 9999}).refusal
    assert refused is not None
    assert (refused.code, refused.problem.final, refused.retry_after) == ("throttled", False, 600)
    assert TerminalProfile.objects.count() == LIMIT


def test_a_known_init_request_is_always_taken() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    assert desk.send("InitRequest", {"currency": "USD", "symbols": [], "build": 1}).refusal is not None
    desk.introduce(build=1)
    profile = BrokerAccount.objects.get(id=desk.account.id).profile
    assert profile is not None
    assert profile.content["build"] == 1


def test_older_ones_make_room_but_for_the_one_in_force() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    age(desk)
    stranger = Desk(desk.account, desk.key, desk.session)
    stranger.introduce(build=9999)
    kept = [row.content["build"] for row in TerminalProfile.objects.order_by("created_at")]
    assert kept == [LIMIT - 1, 9999]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_promotion_takes_what_was_told_last_also_if_it_was_told_before(at_once: bool) -> None:
    """A symbol leaves its broker's list and comes back while the key still waits for its approval."""
    desk = Desk.open("srv:1", approved=False)
    builds = (1, 2, 1)
    if at_once:
        batches.store(arrivals=[told(desk, build=build) for build in builds])
    else:
        for build in builds:
            desk.introduce(build=build)
    assert TerminalProfile.objects.count() == 2
    approve(desk)
    profile = BrokerAccount.objects.get(id=desk.account.id).profile
    assert profile is not None
    assert profile.content["build"] == 1


# Many at once ---------------------------------------------------------------------------------------------------------


def told(desk: Desk, **fields: Any) -> Arrival:
    desk.seq += 1
    return desk.arrival("InitRequest", {"currency": "USD", "symbols": [], **fields}, seq=desk.seq)


def introduced(arrivals: Sequence[Arrival]) -> tuple[Cost, Batch]:
    with counted() as cost:
        batch = batches.store(arrivals=arrivals)
    return cost, batch


@pytest.mark.parametrize("terminals", [1, 10, 40])
def test_as_many_statements_introduce_forty_terminals_as_one(terminals: int) -> None:
    desks = [Desk.open(f"srv:{number}") for number in range(terminals)]
    fields = {"heartbeat_interval_seconds": 3, "ea_version": "2.1", "balance": "1000.50", "equity": "1001"}
    cost, batch = introduced([told(desk, build=desk.account.id.int % 1000, **fields) for desk in desks])
    # The lock, the sessions, what they told before, their subscriptions, and all that is written with the COMMIT. On
    # SQLite what is written is five statements, and what is read of subscriptions two; the COMMIT is no call.
    trips, accounts_locked = (5, int(terminals > 1)) if connection.vendor == "postgresql" else (10, 0)
    assert (cost.calls, cost.commits) == (trips + accounts_locked, 1)
    assert len(batch.replies) == terminals
    for desk in desks:
        account = BrokerAccount.objects.select_related("profile").get(id=desk.account.id)
        session = EaSession.objects.get(id=desk.session.id)
        assert account.profile is not None
        assert (account.balance, account.equity, account.profile.session_id) == (
            Decimal("1000.50"),
            Decimal(1001),
            session.id,
        )
        assert (session.heartbeat_interval, session.ea_version) == (3, "2.1")
        assert account.profile.content["build"] == account.id.int % 1000


def test_what_one_terminal_tells_twice_at_once_is_taken_in_its_order() -> None:
    desk = Desk.open("srv:1")
    _, batch = introduced([told(desk, build=1, balance="5"), told(desk, build=2, balance="6"), told(desk, build=1)])
    account = BrokerAccount.objects.select_related("profile").get(id=desk.account.id)
    assert account.profile is not None
    assert (account.profile.content["build"], account.balance) == (1, Decimal(6))
    assert (TerminalProfile.objects.count(), len(batch.replies)) == (2, 3)


def test_too_many_at_once_are_refused_from_the_bound_on() -> None:
    desk = Desk.open("srv:1")
    arrivals = [told(desk, build=number) for number in range(LIMIT + 2)]
    _, batch = introduced(arrivals)
    refused = [arrival.refusal.code if arrival.refusal else None for arrival in arrivals]
    assert refused == [None] * LIMIT + ["throttled"] * 2
    assert (TerminalProfile.objects.count(), len(batch.replies)) == (LIMIT, LIMIT)


def test_each_of_many_hears_of_its_own_subscriptions_alone() -> None:
    master, *followers = (Desk.open(f"srv:{number}") for number in range(4))
    for desk in (master, *followers):
        desk.introduce()
    for desk in followers[:2]:
        subscribe(master, desk)
    acks: dict[UUID, Any] = {
        arrival.account_pk: reply
        for arrival, reply in introduced([told(desk, build=1) for desk in (master, *followers)])[1].replies
    }
    heard = [acks[desk.account.id] for desk in (master, *followers)]
    assert [(ack.role, ack.subscriptions_total, len(ack.subscriptions)) for ack in heard] == [
        ("master", 2, 2),
        ("follower", 1, 1),
        ("follower", 1, 1),
        ("none", 0, 0),
    ]


def test_who_publishes_and_copies_is_a_master_and_hears_of_the_first_of_all() -> None:
    desks = [Desk.open(f"srv:{number}").introduce() for number in range(4)]
    for follower in desks[1:]:
        subscribe(desks[0], follower)
    subscribe(desks[1], desks[0])
    both = order_queries.summaries([desks[0].account.id])[desks[0].account.id]
    assert (both.role, both.total) == ("master", 4)
    assert sorted(row.role for row in both.rows) == ["follower", "master", "master", "master"]
    assert [row.strategy for row in both.rows] == sorted(row.strategy for row in both.rows)
