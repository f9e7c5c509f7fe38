"""Who is silent, and whose fault it is: the EA's, its gateway's, or ours because we sent it away."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from orders.domain.wire.commands import MAX_COPY_NO
from orders.models import Copy
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession, GatewayProcess, OperatorAlert
from sessions_app.services.lifecycle import expiry, opening
from sessions_app.services.operations import gateway_processes
from tests.factories import (
    EaSessionFactory,
    GatewayProcessFactory,
    MaintenanceWindowFactory,
    UserFactory,
    grant,
)
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def ago(seconds: float) -> datetime:
    return queries.database_now() - timedelta(seconds=seconds)


def silent(count: int = 1, *, seconds: float = 1, **columns: object) -> list[EaSession]:
    """Authenticated sessions whose deadline passed so many seconds ago."""
    return many(count, deadline_at=ago(seconds), last_heartbeat_at=ago(seconds + 15), **columns)


def talking(count: int) -> None:
    many(count, deadline_at=ago(-14))


def many(count: int, **columns: object) -> list[EaSession]:
    return EaSessionFactory.create_batch(count, authenticated=True, key__key_hash="-", **columns)


def sweep() -> int:
    """Expire as a gateway process's own sweep does, which has just written what it has heard."""
    gateway_processes.renew()
    return expiry.expire_overdue()


def deadline_in(session: EaSession) -> float:
    """Seconds until its deadline."""
    session.refresh_from_db()
    return (session.deadline_at - queries.database_now()).total_seconds()


# The gateway's absence ---------------------------------------------------------------------------------------------


def test_case_080_while_no_gateway_is_alive_nobody_expires_and_its_start_gives_everybody_a_timeout() -> None:
    gateway = GatewayProcessFactory.create(lease_until=ago(300))
    (session,) = silent(seconds=290, gateway=gateway.id)
    assert expiry.expire_overdue() == 0
    expiry.forgive_absence()
    gateway_processes.renew()
    assert expiry.expire_overdue() == 0
    assert 10 < deadline_in(session) <= 15


def test_eas_of_a_gateway_that_died_have_a_timeout_from_the_end_of_its_lease() -> None:
    gateway_processes.renew()
    dead = GatewayProcessFactory.create(lease_until=ago(5))
    (session,) = silent(gateway=dead.id)
    assert expiry.expire_overdue() == 0
    assert 8 < deadline_in(session) <= 10


def test_a_lease_that_was_lost_long_ago_excuses_nobody() -> None:
    gateway_processes.renew()
    dead = GatewayProcessFactory.create(lease_until=ago(60))
    silent(gateway=dead.id)
    assert expiry.expire_overdue() == 1


def test_a_clock_that_is_set_forward_by_an_hour_ends_nobody_whichever_gateway_looks_first() -> None:
    GatewayProcess.objects.filter(id=gateway_processes.THIS).delete()
    hour = 3600
    GatewayProcessFactory.create(id=gateway_processes.THIS, lease_until=ago(hour - 9))
    other = GatewayProcessFactory.create(lease_until=ago(hour - 9))
    (mine,) = silent(seconds=hour - 12, gateway=gateway_processes.THIS)
    (theirs,) = silent(seconds=hour - 12, gateway=other.id)
    gateway_processes.renew(elapsed=timedelta(seconds=1))
    assert sweep() == 0
    assert all(10 < deadline_in(session) <= 15 for session in (mine, theirs))


def test_a_process_that_was_paused_for_an_hour_excuses_only_its_own() -> None:
    GatewayProcess.objects.filter(id=gateway_processes.THIS).delete()
    GatewayProcessFactory.create(id=gateway_processes.THIS, lease_until=ago(3591))
    dead = GatewayProcessFactory.create(lease_until=ago(3591))
    silent(seconds=3588, gateway=dead.id)
    gateway_processes.renew(elapsed=timedelta(hours=1))
    assert sweep() == 1


def test_a_gateway_that_was_paused_excuses_its_eas_when_it_wakes_up() -> None:
    GatewayProcess.objects.filter(id=gateway_processes.THIS).delete()
    GatewayProcessFactory.create(id=gateway_processes.THIS, lease_until=ago(50))
    (session,) = silent(seconds=45, gateway=gateway_processes.THIS)
    gateway_processes.renew()
    assert sweep() == 0
    assert 10 < deadline_in(session) <= 15


@pytest.mark.lane("production")
def test_case_079_a_gateway_whose_clock_is_ahead_expires_nobody() -> None:
    gateway_processes.renew()
    EaSessionFactory.create(authenticated=True, deadline_at=ago(-10))
    with time_machine.travel(timedelta(seconds=30) + datetime.now(tz=queries.database_now().tzinfo), tick=True):
        assert connection.vendor == "postgresql"
        assert expiry.expire_overdue() == 0


def test_case_082_the_gateways_own_sweep_expires_without_beat() -> None:
    gateway_processes.renew()
    (session,) = silent(gateway=gateway_processes.THIS)
    assert sweep() == 1
    session.refresh_from_db()
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.HEARTBEAT_TIMEOUT)


# Mass silence ------------------------------------------------------------------------------------------------------


def test_case_081_mass_silence_holds_expiry_for_one_timeout_and_calls_an_operator() -> None:
    talking(10)
    silent(30)
    assert expiry.expire_overdue() == 0
    alert = OperatorAlert.objects.get(code=AlertCode.MASS_SILENCE)
    assert alert.text.startswith("30 of 40 sessions are silent")
    assert EaSession.objects.filter(silence_held_at__isnull=False).count() == 30
    EaSession.objects.filter(silence_held_at__isnull=False).update(deadline_at=ago(1))
    assert expiry.expire_overdue() == 30


def test_case_081_sessions_that_fall_due_one_after_the_other_are_seen_together() -> None:
    talking(10)
    silent(2)
    many(28, deadline_at=ago(-4))
    assert expiry.expire_overdue() == 0


def test_case_081_more_than_one_sweep_takes_are_held_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 % of them, a third in each sweep: what is held first must not make the rest look few."""
    overdue = queries.overdue_sessions
    monkeypatch.setattr(queries, "overdue_sessions", lambda now: overdue(now)[:20])
    talking(40)
    silent(60)
    assert [expiry.expire_overdue() for _ in range(3)] == [0, 0, 0]
    assert EaSession.objects.filter(silence_held_at__isnull=False).count() == 60


@pytest.mark.parametrize(("quiet", "loud"), [(20, 10), (25, 75)])
def test_case_081_few_silent_sessions_expire_as_ever(quiet: int, loud: int) -> None:
    talking(loud)
    silent(quiet)
    assert expiry.expire_overdue() == quiet


def test_case_081_held_sessions_are_shown_stale(client: Client) -> None:
    silent(30)
    expiry.expire_overdue()
    client.force_login(grant(UserFactory.create(), "sessions_app.view_easession"))
    assert '<span class="state pending">stale</span>' in client.get(reverse("admin:monitoring")).content.decode()


def test_case_081_who_is_heard_of_again_is_held_no_more() -> None:
    desk = Desk.open("srv:1")
    EaSession.objects.filter(id=desk.session.id).update(silence_held_at=ago(5))
    desk.send("StatusHeartbeat", {"balance": "1000"})
    desk.session.refresh_from_db()
    assert desk.session.silence_held_at is None


# Busy terminals ----------------------------------------------------------------------------------------------------


def test_case_083_a_busy_terminal_may_be_silent_longer_once() -> None:
    desk = Desk.open("srv:1")
    desk.send("StatusHeartbeat", {"busy_until_ms": 60_000})
    assert 70 < deadline_in(desk.session) <= 75
    desk.send("StatusHeartbeat", {"busy_until_ms": 60_000})
    assert deadline_in(desk.session) <= 15
    desk.send("StatusHeartbeat", {})
    desk.send("StatusHeartbeat", {"busy_until_ms": 60_000})
    assert 70 < deadline_in(desk.session) <= 75


def test_case_083_what_it_announces_is_bounded() -> None:
    desk = Desk.open("srv:1")
    desk.send("StatusHeartbeat", {"busy_until_ms": 10**9})
    assert 130 < deadline_in(desk.session) <= 135


# Maintenance -------------------------------------------------------------------------------------------------------


def test_sessions_do_not_expire_while_they_are_sent_away_nor_before_they_can_be_back() -> None:
    gateway_processes.renew()
    (session,) = silent(gateway=gateway_processes.THIS)
    MaintenanceWindowFactory.create(account=session.account, ends_at=ago(-100), reconnect_after_seconds=30)
    (other,) = silent(gateway=gateway_processes.THIS)
    assert sweep() == 1
    assert 140 < deadline_in(session) <= 145
    assert deadline_in(other) < 0


# Alarms ------------------------------------------------------------------------------------------------------------


def test_case_071_more_than_three_preemptions_in_five_minutes_call_an_operator() -> None:
    desk = Desk.open("srv:1")
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        request = opening.Request(auth_method="account_session_key", platform="sdk", address=address)
        opening.open_session(key=desk.key, request=request)
    assert not OperatorAlert.objects.exists()
    request = opening.Request(auth_method="account_session_key", platform="sdk", address="192.0.2.2")
    opening.open_session(key=desk.key, request=request)
    alert = OperatorAlert.objects.get(code=AlertCode.PREEMPTION_LOOP)
    assert "between 192.0.2.1 and 192.0.2.2" in alert.text


def test_case_059_an_operator_is_called_when_nine_tenths_of_the_copy_numbers_are_used() -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    BrokerAccount.objects.filter(id=follower.account.id).update(next_copy_no=MAX_COPY_NO * 9 // 10 - 1)
    master.buy(1)
    assert not OperatorAlert.objects.exists()
    master.buy(2)
    alert = OperatorAlert.objects.get(code=AlertCode.COPY_NUMBERS_LOW)
    assert (alert.account_id, Copy.objects.count()) == (follower.account.id, 2)


def test_case_034_another_frame_under_a_known_number_calls_an_operator() -> None:
    master = Desk.open("srv:1").introduce()
    master.buy(1)
    master.send("OrderIntent", {"action": "close", "position_id": 1, "ticket": 1, "symbol": "EURUSD"}, seq=1)
    assert "Number 1" in OperatorAlert.objects.get(code=AlertCode.SEQUENCE_CONFLICT).text
