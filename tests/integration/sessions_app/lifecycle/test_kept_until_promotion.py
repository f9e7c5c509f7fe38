"""What a pending session was acknowledged for is never dropped: it belongs to the account and the key."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from eagateway_sdk.ids import uuid7
from structlog.testing import capture_logs

from orders.models import Command, Copy, Decision, Intent, MasterPosition
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import AuthKey, BrokerAccount, EaSession, InboundFrame
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.ingest.ports import Fate
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations import retention
from tests.integration.trading import OPERATOR, Desk, open_session, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
ENDS: Final = [Reason.SHUTDOWN_BY_EA, Reason.PENDING_LAPSED, Reason.CLOSED_BY_OPERATOR, Reason.PROTOCOL_ERROR, None]


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def end(desk: Desk, reason: Reason | None) -> None:
    """Its session ends so; None: its terminal was killed, and the session stands."""
    if reason is not None:
        ending.close_session(session_id=desk.session.id, reason=reason, actor=OPERATOR)


def approve(desk: Desk) -> None:
    """A person approves its key; its newest session is alive."""
    desk.send("StatusHeartbeat", {"balance": "1000"})
    keys.approve(key_id=desk.key.id, by=OPERATOR, reason="known")
    desk.session.refresh_from_db()
    assert desk.session.state == SessionStatus.AUTHENTICATED


def stranger_of(desk: Desk) -> Desk:
    """Somebody with another key who asks for the same account."""
    key = AuthKey.objects.create(
        account=desk.account, fingerprint=str(uuid7()), key_hash="-", requested_at=database_now()
    )
    return Desk(desk.account, key, open_session(key))


def ordered(desk: Desk) -> list[tuple[str, int]]:
    rows = Command.objects.filter(account=desk.account).order_by("seq", "hold_no")
    return list(rows.values_list("action", "position_id"))


# A master's frames ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ENDS)
def test_a_close_that_a_former_session_of_the_key_stored_is_applied(follower: Desk, reason: Reason | None) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    former.buy(1)
    former.intend("close", 1)
    end(former, reason)
    approve(former.again().introduce())
    assert ordered(follower) == [("open", 1), ("close", 1)]
    assert MasterPosition.objects.get(position_id=1).state == "closed"


def test_the_frames_of_all_sessions_are_applied_in_the_order_of_sessions_and_numbers(follower: Desk) -> None:
    first = Desk.open("srv:1", approved=False).introduce()
    subscribe(first, follower)
    first.buy(1)
    end(first, Reason.SHUTDOWN_BY_EA)
    second = first.again().introduce()
    second.intend("modify", 1, sl="1.05")
    third = first.again().introduce()
    second.intend("partial_close", 1, lots="0.05", remaining_lots="0.05", new_ticket=2)
    third.intend("close", 1, ticket=2)
    approve(third)
    assert ordered(follower) == [("open", 1), ("modify", 1), ("partial_close", 1), ("close", 1)]


def test_a_session_that_is_authenticated_at_once_brings_in_what_its_predecessors_stored(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    former.buy(1)
    former.intend("close", 1)
    end(former, Reason.SHUTDOWN_BY_EA)
    keys.approve(key_id=former.key.id, by=OPERATOR, reason="known")
    assert ordered(follower) == []
    former.again()
    assert ordered(follower) == [("open", 1), ("close", 1)]


def test_a_frame_that_came_under_two_sessions_is_applied_once(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    shared: Any = uuid7()
    order = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
    former.send("OrderIntent", order, frame_id=shared)
    later = former.again().introduce()
    later.send("OrderIntent", order, frame_id=shared)
    later.intend("close", 1)
    approve(later)
    assert ordered(follower) == [("open", 1), ("close", 1)]
    assert Intent.objects.filter(repeated=True).count() == 0
    assert InboundFrame.objects.filter(frame_id=shared, content__isnull=False).count() == 0
    assert later.send("OrderIntent", order, frame_id=shared, seq=1).fate is Fate.REPEAT


def test_another_frame_under_an_id_of_a_former_session_is_refused_as_it_would_have_been(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    shared: Any = uuid7()
    order = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
    former.send("OrderIntent", order, frame_id=shared)
    later = former.again().introduce()
    later.send("OrderIntent", {**order, "lots": "9"}, frame_id=shared)
    approve(later)
    assert [str(command.lots) for command in Command.objects.all()] == ["0.10000000"]
    assert InboundFrame.objects.get(session=later.session).refusal == "id_reused"


def test_what_is_applied_once_is_not_applied_by_the_next_promotion(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    former.buy(1)
    approve(former)
    former.again()
    assert ordered(follower) == [("open", 1)]
    assert Intent.objects.count() == 1


def test_what_a_stranger_stored_is_not_applied_with_the_owners_key(follower: Desk) -> None:
    owner = Desk.open("srv:1", approved=False).introduce()
    subscribe(owner, follower)
    stranger = stranger_of(owner)
    stranger.buy(7)
    approve(owner)
    assert ordered(follower) == []
    assert InboundFrame.objects.filter(session=stranger.session, quarantined=True).count() == 1


def test_frames_end_with_the_rejection_of_their_key_and_say_so(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    former.buy(1)
    end(former, Reason.SHUTDOWN_BY_EA)
    keys.reject(key_id=former.key.id, by=OPERATOR, reason="unknown")
    frame = InboundFrame.objects.get()
    assert (frame.refusal, frame.content, frame.quarantined) == ("key_rejected", None, True)
    assert ordered(follower) == []


def test_frames_outlive_their_session_until_the_retention_is_over(follower: Desk, settings: Any) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    subscribe(former, follower)
    former.buy(1)
    end(former, Reason.PENDING_LAPSED)
    settings.GATEWAY = {**settings.GATEWAY, "pending_retention": timedelta(days=30)}
    retention.forget_unpromoted(now=database_now() + timedelta(days=29))
    approve(former.again().introduce())
    assert ordered(follower) == [("open", 1)]


def test_frames_that_end_with_the_retention_are_named(follower: Desk) -> None:
    former = Desk.open("srv:1", approved=False).introduce()
    former.buy(1)
    former.buy(2)
    end(former, Reason.PENDING_LAPSED)
    with capture_logs() as logs:
        retention.forget_unpromoted(now=database_now() + timedelta(days=9999))
    [line] = [line for line in logs if line["event"] == "retention.unapplied"]
    assert (line["account"], line["frames"]) == ("srv:1", 2)
    assert InboundFrame.objects.filter(session=former.session).count() == 0


# What is held for a follower ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ENDS)
def test_what_was_held_outlives_a_restart_of_the_followers_ea(reason: Reason | None) -> None:
    master = Desk.open("srv:1").introduce()
    pending = Desk.open("srv:5", approved=False).introduce()
    subscribe(master, pending)
    master.buy(1)
    end(pending, reason)
    later = pending.again().introduce()
    master.intend("close", 1)
    approve(later)
    rows = Command.objects.order_by("seq").values_list("action", "state", "reason")
    assert list(rows) == [("open", "queued", ""), ("close", "queued", "")]
    assert Copy.objects.get().state == "ordered"


def test_what_a_stranger_caused_is_not_released() -> None:
    master = Desk.open("srv:1").introduce()
    stranger = Desk.open("srv:5", approved=False).introduce()
    subscribe(master, stranger)
    master.buy(1)
    approve(stranger_of(stranger).introduce())
    assert list(Command.objects.values_list("state", "reason")) == [("expired", "decided_on_other_session")]
    assert Copy.objects.get().state == "failed"


def test_a_restarted_terminal_is_what_decisions_rest_on_from_then_on() -> None:
    master = Desk.open("srv:1").introduce("EURUSD", "GBPUSD")
    pending = Desk.open("srv:5", approved=False).introduce("EURUSD")
    subscribe(master, pending, mode="balance_ratio")
    later = pending.again().introduce("GBPUSD", balance="500")
    master.buy(1, symbol="GBPUSD", balance="1000")
    assert Decision.objects.get().code == ""
    assert str(Command.objects.get().lots) == "0.05000000"
    assert Command.objects.get().decided_on_id == later.session.id


def test_a_stranger_does_not_take_the_place_of_a_terminal_that_waits() -> None:
    master = Desk.open("srv:1").introduce("EURUSD", "GBPUSD")
    pending = Desk.open("srv:5", approved=False).introduce("EURUSD")
    subscribe(master, pending)
    stranger_of(pending).introduce("GBPUSD")
    master.buy(1)
    assert Command.objects.get().decided_on_id == pending.session.id


def test_neither_symbols_nor_money_of_a_stranger_stay_when_the_owner_is_promoted() -> None:
    stranger = Desk.open("srv:5", approved=False).introduce("GBPUSD", balance="1000000", equity="1000000")
    owner = stranger_of(stranger)
    owner.send("StatusHeartbeat", {})
    keys.approve(key_id=owner.key.id, by=OPERATOR, reason="known")
    account = BrokerAccount.objects.get(id=owner.account.id)
    assert EaSession.objects.get(id=owner.session.id).state == SessionStatus.AUTHENTICATED
    assert (account.profile, account.balance, account.equity, account.funds_at) == (None, None, None, None)


def test_the_money_that_the_owner_told_while_he_waited_counts_from_his_promotion() -> None:
    stranger = Desk.open("srv:5", approved=False).introduce("GBPUSD", balance="1000000")
    owner = stranger_of(stranger).introduce("EURUSD")
    owner.send("StatusHeartbeat", {"balance": "70", "equity": "60"})
    keys.approve(key_id=owner.key.id, by=OPERATOR, reason="known")
    account = BrokerAccount.objects.get(id=owner.account.id)
    assert (account.balance, account.equity, account.free_margin) == (Decimal(70), Decimal(60), None)
