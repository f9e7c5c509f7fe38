"""Keys that nobody decides about lapse after their time, with all that their terminals wrote."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from orders.models import Command
from sessions_app import tasks
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import (
    AuthKey,
    BrokerAccount,
    EaSession,
    InboundFrame,
    PendingRoom,
    SessionEvent,
    TerminalProfile,
)
from sessions_app.queries import database_now
from sessions_app.services.access import admission, keys, lapsed_keys
from sessions_app.services.lifecycle import ending
from sessions_app.services.lifecycle.opening import Request
from sessions_app.services.operations import retention
from tests.integration.trading import OPERATOR, Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)

STRANGERS = (AuthKey, EaSession, InboundFrame, TerminalProfile, PendingRoom, SessionEvent, BrokerAccount)


@pytest.fixture
def later(settings: Any) -> datetime:
    """When all that ends now has been over for as long as it is kept."""
    settings.GATEWAY = {**settings.GATEWAY, "pending_retention": timedelta(days=2)}
    return database_now() + timedelta(days=2, minutes=1)


def stranger(name: str = "srv:9", *, owned: bool = False) -> Desk:
    """A terminal with an unknown key that has told much and has gone."""
    desk = Desk.open(name, approved=False).introduce()
    if not owned:
        BrokerAccount.objects.filter(id=desk.account.id).update(tenant=None)
    desk.buy(1)
    return desk


def leave(desk: Desk) -> None:
    ending.close_session(session_id=desk.session.id, reason=Reason.PENDING_LAPSED, actor=OPERATOR)


def test_what_a_stranger_wrote_goes_with_the_key_and_the_account(later: datetime) -> None:
    for desk in (stranger(), stranger("srv:8").again()):
        desk.buy(1)
        leave(desk)
    leave(Desk(desk.account, desk.key, EaSession.objects.get(key=desk.key, state=SessionStatus.PENDING)))
    deleted = lapsed_keys.forget_undecided(now=later)
    counts = {name.partition(".")[2]: count for name, count in deleted.items()}
    assert {name: counts[name] for name in ("AuthKey", "EaSession", "InboundFrame", "BrokerAccount")} == {
        "AuthKey": 2,
        "EaSession": 3,
        "InboundFrame": 4,
        "BrokerAccount": 2,
    }
    assert [model._default_manager.count() for model in STRANGERS] == [0] * len(STRANGERS)


def test_a_key_is_kept_until_its_time_is_over(later: datetime) -> None:
    leave(stranger())
    assert not lapsed_keys.forget_undecided(now=later - timedelta(minutes=2))
    assert AuthKey.objects.count() == 1


def test_a_key_whose_terminal_is_heard_of_is_kept(later: datetime) -> None:
    stranger()
    assert not lapsed_keys.forget_undecided(now=later)


def test_a_session_that_is_opened_as_its_key_lapses_keeps_it(later: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked before the key is locked may be over when it is."""
    desk = stranger()
    leave(desk)
    again = desk.again()
    monkeypatch.setattr(lapsed_keys, "_silent", lambda before: AuthKey.objects.all())
    lapsed_keys.forget_undecided(now=later)
    assert list(EaSession.objects.values_list("id", flat=True)) == [again.session.id]
    assert AuthKey.objects.count() == 1


def test_a_decided_key_is_kept(later: datetime) -> None:
    refused, approved = stranger(), stranger("srv:8", owned=True)
    keys.reject(key_id=refused.key.id, by=OPERATOR, reason="unknown")
    keys.approve(key_id=approved.key.id, by=OPERATOR, reason="known")
    leave(approved)
    assert not lapsed_keys.forget_undecided(now=later)
    assert AuthKey.objects.count() == 2


def test_an_account_that_somebody_owns_stays_without_the_key(later: datetime) -> None:
    desk = stranger(owned=True)
    leave(desk)
    assert lapsed_keys.forget_undecided(now=later)["sessions_app.AuthKey"] == 1
    assert BrokerAccount.objects.get().profile_id is None


def test_an_account_stays_while_another_key_asks_for_it(later: datetime) -> None:
    desk = stranger()
    leave(desk)
    other = AuthKey.objects.create(
        account=desk.account, fingerprint="another", key_hash="-", requested_at=database_now() + timedelta(days=1)
    )
    lapsed_keys.forget_undecided(now=later)
    assert list(AuthKey.objects.values_list("id", flat=True)) == [other.id]
    assert BrokerAccount.objects.filter(id=desk.account.id).exists()


def test_a_session_that_commands_were_decided_on_stays_and_no_other(later: datetime) -> None:
    follower, master = stranger(owned=True), Desk.open("srv:1").introduce()
    again = follower.again()
    subscribe(master, follower)
    master.buy(7)
    assert Command.objects.get().decided_on_id == follower.session.id
    for desk in (follower, again):
        leave(desk)
    lapsed_keys.forget_undecided(now=later)
    assert [row.id for row in EaSession.objects.filter(key=follower.key)] == [follower.session.id]
    assert not lapsed_keys.forget_undecided(now=later)


def test_many_sessions_go_in_steps(later: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = stranger()
    for each in (desk, desk.again(), desk.again(), desk.again()):
        leave(each)
    steps = []
    forget = lapsed_keys._forget_some

    def counted(*arguments: Any) -> Any:
        steps.append(forget(*arguments))
        return steps[-1]

    monkeypatch.setattr(lapsed_keys, "SLICE", 2)
    monkeypatch.setattr(lapsed_keys, "_forget_some", counted)
    lapsed_keys.forget_undecided(now=later)
    assert [step["sessions_app.EaSession"] for step in steps] == [2, 2, 0, 0]
    assert [step["sessions_app.AuthKey"] for step in steps] == [0, 0, 1, 0]


def test_housekeeping_does_it(later: datetime, settings: Any) -> None:
    leave(stranger())
    tasks.forget_expired()
    assert AuthKey.objects.count() == 1
    settings.GATEWAY = {**settings.GATEWAY, "pending_retention": timedelta(0)}
    tasks.forget_expired()
    assert AuthKey.objects.count() == 0


def test_a_terminal_that_asks_as_its_key_lapses_is_told_to_come_again(
    later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(auth_method="account_session_key", platform="sdk")
    material = secrets.token_urlsafe(32)
    opened = admission.request_session(account_id="srv:9", material=material, request=request)
    ending.close_session(session_id=opened.session.id, reason=Reason.PENDING_LAPSED, actor=OPERATOR)
    check = admission._check_asks

    def lapse(*arguments: Any) -> None:
        check(*arguments)
        lapsed_keys.forget_undecided(now=later)

    monkeypatch.setattr(admission, "_check_asks", lapse)
    with pytest.raises(Refused) as refused:
        admission.request_session(account_id="srv:9", material=material, request=request)
    assert (refused.value.code, refused.value.retry_after) == ("try_later", 1)
    monkeypatch.undo()
    again = admission.request_session(account_id="srv:9", material=material, request=request)
    assert again.session.state == SessionStatus.PENDING


def test_what_is_deleted_gives_its_room_back(later: datetime) -> None:
    desk = stranger()
    again = desk.again()
    again.buy(1)
    leave(desk)
    retention.forget_unpromoted(now=later)
    assert (InboundFrame.objects.count(), PendingRoom.objects.get().frames) == (1, 1)
