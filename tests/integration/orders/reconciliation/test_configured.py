"""What a tenant or an account sets otherwise acts where the deployment's value did: settings of books and repairs."""

from datetime import timedelta
from typing import Any

import pytest

from orders.models import Command, Copy, Difference, MasterPosition, Subscription
from sessions_app.models import BrokerAccount, Tenant
from sessions_app.queries import database_now
from tests.integration.trading import Desk, held, subscribe

pytestmark = pytest.mark.django_db(transaction=True)

FAR = [{"symbol": "EURUSD", "bid": "1.2", "ask": "1.2002"}]  # 9 % from 1.1


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def opened(master: Desk, follower: Desk, *positions: int) -> None:
    for position in positions:
        master.buy(position)
    for number, command in enumerate(Command.objects.filter(action="open").order_by("seq"), start=1):
        follower.report(command.id, "filled", ticket=900 + number, lots="0.1", price="1.1")


def missed(master: Desk) -> None:
    """The master's book is empty, at three looks half a minute apart."""
    for _ in range(3):
        master.tell()
        seen = MasterPosition.objects.exclude(missing_since=None)
        seen.update(missing_since=database_now() - timedelta(seconds=31))


LEVELS = {
    "tenant": (True, False),
    "account": (False, True),
    "account over tenant": (True, True),
}
OTHERWISE = {"mass_close_gate": 99, "repair_gate_percent": 0, "snapshot_interval": 31}


def say(level: str, **said: int) -> None:
    """Let the tenant say so, or the accounts; where both speak, the tenant says something else."""
    of_tenant, of_accounts = LEVELS[level]
    if of_tenant:
        Tenant.objects.update(overrides=OTHERWISE if of_accounts else said)
    if of_accounts:
        BrokerAccount.objects.update(overrides=said)


@pytest.mark.parametrize("level", LEVELS)
def test_the_gate_of_missing_copies(master: Desk, follower: Desk, level: str) -> None:
    """Two are missing: within the deployment's gate of five, and over one of 1."""
    say(level, mass_close_gate=1)
    opened(master, follower, 1, 2)
    follower.tell()
    assert set(Difference.objects.values_list("state", flat=True)) == {"held"}
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}


@pytest.mark.parametrize("level", LEVELS)
def test_the_gate_of_missing_positions_of_a_master(master: Desk, follower: Desk, level: str) -> None:
    say(level, mass_close_gate=1)
    opened(master, follower, 1, 2)
    missed(master)
    assert not Command.objects.filter(action="close").exists()


def test_without_them_two_missing_positions_of_a_master_are_closed(master: Desk, follower: Desk) -> None:
    """What the test above would see if its gate did nothing."""
    opened(master, follower, 1, 2)
    missed(master)
    assert Command.objects.filter(action="close").count() == 2


@pytest.mark.parametrize("level", LEVELS)
def test_the_price_gate_of_repairs(master: Desk, follower: Desk, level: str) -> None:
    """The market is 9 % away: too far for the deployment's 1 %, and within 50 %."""
    say(level, repair_gate_percent=50)
    opened(master, follower, 1)
    follower.report(None, "closed", cause="stop_loss", ticket=901)
    Subscription.objects.update(repairs={"extra": "repair"})
    follower.tell(held(1, 950), quotes=FAR)
    assert [row.action for row in Command.objects.filter(difference__isnull=False)] == ["close"]


@pytest.mark.parametrize("level", LEVELS)
def test_how_often_a_terminal_is_asked(follower: Desk, level: str) -> None:
    say(level, snapshot_interval=7200)
    follower.tell()
    account: Any = BrokerAccount.objects.get(id=follower.account.id)
    waits = account.snapshot_due_at - account.snapshots.get().received_at
    assert timedelta(seconds=7199) < waits < timedelta(seconds=7260)
