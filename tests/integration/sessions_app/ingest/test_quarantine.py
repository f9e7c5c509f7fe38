"""What a pending session stored is applied at its approval, whatever one frame of it is like."""

from datetime import timedelta
from typing import Any

import pytest

from orders.models import Intent
from orders.services.intents import order_intents
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import EaSession, InboundFrame, OperatorAlert
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.ingest import quarantine
from sessions_app.services.ingest.ports import Arrival
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations import retention
from tests.integration.trading import OPERATOR, Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def choking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours: a lot of 0.13 cannot be applied, and breaks the transaction that tries it."""
    taken = order_intents._take

    def choke(arrival: Arrival, workspace: Any) -> None:
        taken(arrival, workspace)
        if str(getattr(arrival.payload, "lots", "")).startswith("0.13"):
            InboundFrame.objects.create(seq=1)

    monkeypatch.setattr(order_intents, "_take", choke)


def pending_master(*lots: str) -> Desk:
    master = Desk.open("srv:1", approved=False).introduce()
    master.send("StatusHeartbeat", {"balance": "1000"})
    for position, amount in enumerate(lots, start=1):
        master.buy(position, amount)
    return master


def refusals(desk: Desk) -> list[str]:
    rows = InboundFrame.objects.filter(session=desk.session).order_by("seq")
    assert not rows.filter(quarantined=True).exists()
    return list(rows.values_list("refusal", flat=True))


def test_case_108_one_poisoned_frame_does_not_block_an_approval(choking: None) -> None:
    master = pending_master("0.10", "0.13", "0.20")
    Intent.objects.all().delete()
    keys.approve(key_id=master.key.id, by=OPERATOR, reason="known")
    assert EaSession.objects.get(id=master.session.id).state == SessionStatus.AUTHENTICATED
    assert refusals(master) == ["", "poisoned", ""]
    assert list(Intent.objects.order_by("position_id").values_list("position_id", flat=True)) == [1, 3]
    assert "1 of the frames" in OperatorAlert.objects.get(code=AlertCode.POISONED_FRAME).text


def test_what_a_poisoned_frame_had_begun_is_not_told_to_anyone(choking: None) -> None:
    master = pending_master("0.13", "0.20")
    follower = Desk.open("srv:2").introduce()
    subscribe(master, follower)
    keys.approve(key_id=master.key.id, by=OPERATOR, reason="known")
    follower.account.refresh_from_db()
    assert follower.account.next_seq == 2


def test_a_session_with_many_poisoned_frames_is_not_tried_to_its_end(
    choking: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_FAILURES", 2)
    master = pending_master("0.13", "0.13", "0.10", "0.20")
    keys.approve(key_id=master.key.id, by=OPERATOR, reason="known")
    assert refusals(master) == ["poisoned"] * 4


def test_case_014_what_a_lapsed_session_stored_is_purged_when_its_time_is_over(settings: Any) -> None:
    lapsed, waiting = pending_master("0.10", "0.20"), Desk.open("srv:2", approved=False)
    waiting.introduce().buy(1)
    settings.GATEWAY = {**settings.GATEWAY, "pending_retention": timedelta(days=2)}
    now = database_now()
    ending.close_session(session_id=lapsed.session.id, reason=Reason.PENDING_LAPSED, actor=OPERATOR)
    assert retention.forget_unpromoted(now=now + timedelta(days=1)) == 0
    assert retention.forget_unpromoted(now=now + timedelta(days=2, minutes=1)) == 3
    assert set(InboundFrame.objects.values_list("session", flat=True)) == {waiting.session.id}
    assert EaSession.objects.filter(id=lapsed.session.id).exists()


def test_what_a_promoted_session_stored_is_kept(settings: Any) -> None:
    master = pending_master("0.10")
    keys.approve(key_id=master.key.id, by=OPERATOR, reason="known")
    ending.close_session(session_id=master.session.id, reason=Reason.SHUTDOWN_BY_EA, actor=OPERATOR)
    assert retention.forget_unpromoted(now=database_now() + timedelta(days=9999)) == 0
    assert InboundFrame.objects.filter(session=master.session).exists()
