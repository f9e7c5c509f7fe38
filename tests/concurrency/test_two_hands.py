"""What happens in the same instant: real transactions, two hands on one row."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError
from eagateway_sdk.ids import uuid7

from orders.models import Command, Decision, Intent, Report
from sessions_app import queries
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession, InboundFrame, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.access.keys import Approval
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Fate
from sessions_app.services.lifecycle import expiry, promotion
from tests.concurrency.hands import at_once, store
from tests.integration.trading import OPERATOR, Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)

OPEN: dict[str, Any] = {"action": "open", "symbol": "EURUSD", "side": "buy", "lots": "0.10"}


def order(desk: Desk, position: int, *, seq: int, frame_id: UUID | None = None) -> Arrival:
    return desk.arrival("OrderIntent", OPEN | {"position_id": position, "ticket": position}, seq=seq, frame_id=frame_id)


def writer(desk: Desk, *, frames_each: int, base: int) -> Callable[[], None]:
    """One gateway's writer: a master's opens, each in a batch of its own."""
    arrivals = [order(desk, base + seq, seq=seq) for seq in range(1, frames_each + 1)]

    def write() -> None:
        for arrival in arrivals:
            store([arrival])

    return write


def numbers(desk: Desk) -> list[int | None]:
    return list(Command.objects.filter(account=desk.account).order_by("seq").values_list("seq", flat=True))


# Commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(5))
def test_case_146_two_opens_that_both_just_fit_a_limit_leave_one(attempt: int) -> None:
    follower = Desk.open("srv:2").introduce()
    masters = [Desk.open(f"srv:{number}").introduce() for number in (11, 12)]
    for master in masters:
        subscribe(master, follower, max_open_positions=1)
    acts = [writer(master, frames_each=1, base=100) for master in masters]
    assert at_once(*acts) == [None, None]
    assert sorted(Decision.objects.values_list("outcome", "code")) == [("copied", ""), ("denied", "max_open_positions")]
    assert numbers(follower) == [1]


def test_case_046_many_writers_number_one_followers_commands_without_holes() -> None:
    follower = Desk.open("srv:2").introduce()
    masters = [Desk.open(f"srv:{number}").introduce() for number in range(11, 17)]
    for master in masters:
        subscribe(master, follower)
    acts = [writer(master, frames_each=8, base=index * 100) for index, master in enumerate(masters)]
    assert at_once(*acts) == [None] * len(masters)
    assert numbers(follower) == list(range(1, 49))
    follower.account.refresh_from_db()
    assert (follower.account.next_seq, follower.account.next_copy_no) == (49, 49)


@pytest.mark.parametrize("attempt", range(5))
def test_case_051_one_frame_stored_by_two_gateways_has_one_effect(attempt: int) -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    frame_id = uuid7()
    twins = [order(master, 1, seq=1, frame_id=frame_id) for _ in range(2)]
    at_once(*(lambda twin=twin: store([twin]) for twin in twins))
    assert sorted(twin.fate.value for twin in twins) == sorted([Fate.APPLY.value, Fate.REPEAT.value])
    assert (Intent.objects.count(), InboundFrame.objects.count(), numbers(follower)) == (1, 1, [1])


def test_batches_of_two_gateways_lock_the_followers_they_share_in_one_order() -> None:
    """Each gateway stores its own follower's report before its master's open, which goes to both followers."""
    masters = [Desk.open(f"srv:{number}").introduce() for number in (1, 2)]
    followers = [Desk.open(f"srv:{number}").introduce() for number in (3, 4)]
    for master in masters:
        for follower in followers:
            subscribe(master, follower)

    def gateway(number: int) -> Callable[[], None]:
        master, follower = masters[number], followers[number]
        credit = {"status": "closed", "cause": "credit", "profit": "1", "balance": "1"}
        written = [
            [
                follower.arrival("StatusHeartbeat", {"balance": "1000"}),
                follower.arrival("ExecutionReport", credit, seq=seq),
                order(master, seq, seq=seq),
            ]
            for seq in range(1, 16)
        ]

        def write() -> None:
            for batch in written:
                batches.store(arrivals=batch)  # once: a deadlock would cost its victim a second

        return write

    assert at_once(gateway(0), gateway(1)) == [None, None]
    assert (Report.objects.count(), Decision.objects.count()) == (30, 60)
    assert [numbers(follower) for follower in followers] == [list(range(1, 31))] * 2


# Sessions ----------------------------------------------------------------------------------------------------------


def pending_with_backlog(master: Desk) -> Desk:
    """A pending follower that was heard of, with three held commands."""
    follower = Desk.open("srv:2", approved=False).introduce()
    follower.send("StatusHeartbeat", {"balance": "1000"})
    subscribe(master, follower)
    for position in (1, 2, 3):
        master.buy(position)
    return follower


@pytest.mark.parametrize("attempt", range(5))
def test_case_062_an_approval_and_a_heartbeat_promote_once(attempt: int) -> None:
    master = Desk.open("srv:1").introduce()
    follower = pending_with_backlog(master)
    beat = follower.arrival("StatusHeartbeat", {"balance": "1000"})

    def heartbeat() -> None:
        for session_id in store([beat]).promotable:
            promotion.promote_session(session_id=session_id)

    def approve() -> Approval:
        return keys.approve(key_id=follower.key.id, by=OPERATOR, reason="known")

    failures = [outcome for outcome in at_once(approve, heartbeat) if isinstance(outcome, Exception)]
    assert failures == []
    promotions = SessionEvent.objects.filter(session=follower.session, to_state=SessionStatus.AUTHENTICATED)
    assert (promotions.count(), numbers(follower)) == (1, [1, 2, 3])
    follower.account.refresh_from_db()
    assert follower.account.fence == 1


@pytest.mark.parametrize("attempt", range(5))
def test_a_promotion_and_the_masters_next_intent_leave_no_command_behind(attempt: int) -> None:
    master = Desk.open("srv:1").introduce()
    follower = pending_with_backlog(master)
    more = order(master, 4, seq=4)
    outcomes = at_once(lambda: keys.approve(key_id=follower.key.id, by=OPERATOR, reason="known"), lambda: store([more]))
    assert [item for item in outcomes if isinstance(item, Exception)] == []
    assert numbers(follower) == [1, 2, 3, 4]


def test_case_077_a_heartbeat_and_the_expiry_in_one_instant_have_one_winner_a_hundred_times() -> None:
    for attempt in range(100):
        race_heartbeat_and_expiry(Desk.open(f"srv:{attempt + 1}"))


def race_heartbeat_and_expiry(desk: Desk) -> None:
    overdue = queries.database_now() - timedelta(milliseconds=1)
    EaSession.objects.filter(id=desk.session.id).update(deadline_at=overdue)
    beat = desk.arrival("StatusHeartbeat", {})
    at_once(expiry.expire_overdue, lambda: store([beat]))
    session = EaSession.objects.get(id=desk.session.id)
    closed = SessionEvent.objects.filter(session=session, reason=Reason.HEARTBEAT_TIMEOUT).count()
    if session.state == SessionStatus.AUTHENTICATED:
        assert (beat.fate, closed) == (Fate.APPLY, 0)
        assert session.deadline_at > overdue
    else:
        assert (beat.refusal and beat.refusal.code, closed) == ("session_closed", 1)


def test_preemptions_while_both_sessions_write_store_each_frame_once() -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    old = [order(master, position, seq=position) for position in range(1, 21)]
    newer: list[Desk] = []

    def write() -> None:
        for arrival in old:
            store([arrival])

    at_once(write, lambda: newer.append(master.again()))
    stored = [arrival.frame_id for arrival in old if arrival.fate is Fate.APPLY]
    fenced = [arrival for arrival in old if arrival.refusal is not None]
    assert {arrival.refusal.code for arrival in fenced if arrival.refusal} <= {"fenced"}
    again = [
        order(newer[0], position, seq=position, frame_id=arrival.frame_id) for position, arrival in enumerate(old, 1)
    ]
    store(again)
    assert [arrival.frame_id for arrival in again if arrival.fate is Fate.REPEAT] == stored
    assert numbers(follower) == list(range(1, 21))


def test_the_database_itself_refuses_a_second_authenticated_session() -> None:
    desk = Desk.open("srv:1")
    other = desk.again()
    with pytest.raises(IntegrityError):
        EaSession.objects.filter(id__in=[desk.session.id, other.session.id]).update(
            state=SessionStatus.AUTHENTICATED, closed_at=None, close_reason=""
        )
    assert BrokerAccount.objects.get().fence == 2


def test_a_batch_that_fails_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    arrival = order(master, 1, seq=1)

    def fail(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(batches, "_write", fail)
        with pytest.raises(OperationalError):
            batches.store(arrivals=[arrival])
    assert (Intent.objects.count(), Command.objects.count(), InboundFrame.objects.count()) == (0, 0, 0)
    store([arrival])
    assert (arrival.fate, numbers(follower)) == (Fate.APPLY, [1])


def test_two_sessions_of_an_unknown_key_fill_its_room_at_once_and_no_more(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "pending_frames_per_key": 7}
    first = Desk.open("srv:9", approved=False)
    desks = [first, first.again(), first.again()]
    batches_of = [[order(desk, seq, seq=seq) for seq in range(1, 6)] for desk in desks]
    outcomes = at_once(*[partial(store, arrivals) for arrivals in batches_of])
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert InboundFrame.objects.count() == 7
    fates = [arrival.fate for arrivals in batches_of for arrival in arrivals]
    assert fates.count(Fate.QUARANTINED) == 7
