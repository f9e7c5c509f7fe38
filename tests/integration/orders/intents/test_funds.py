"""What an account is worth: from heartbeats and reports, as of when they were true."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orders.models import Command, Decision
from sessions_app.models import AuthKey, BrokerAccount
from sessions_app.services.ingest import batches
from tests.integration.trading import Desk, open_session, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def worth(desk: Desk) -> tuple[str, str]:
    account = BrokerAccount.objects.get(id=desk.account.id)
    return f"{account.balance:.0f}", f"{account.equity:.0f}"


def test_a_report_that_waited_in_the_outbox_does_not_replace_newer_figures(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, mode="equity_ratio")
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2000"})
    told = {"cause": "stop_loss", "ticket": 77, "balance": "10000", "equity": "10000"}
    follower.report(None, "closed", **told, age_ms=7_200_000)
    assert worth(follower) == ("2000", "2000")
    master.buy(1, "1", balance="10000", equity="10000")
    assert Command.objects.get().lots == Decimal("0.2")


def test_the_figures_of_an_old_report_are_as_old_as_it_is(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, mode="equity_ratio")
    told = {"cause": "stop_loss", "ticket": 77, "balance": "10000", "equity": "10000"}
    follower.report(None, "closed", **told, age_ms=7_200_000)
    assert worth(follower) == ("10000", "10000")
    master.buy(1, "1", balance="10000", equity="10000")
    assert Decision.objects.get().code == "allocation_data_stale"


def test_a_report_changes_only_the_figures_that_it_tells(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2100"})
    follower.report(None, "closed", cause="stop_loss", ticket=78, balance="1900")
    assert worth(follower) == ("1900", "2100")
    follower.report(None, "closed", cause="stop_loss", ticket=79, equity="1950")
    assert worth(follower) == ("1900", "1950")


def test_a_report_that_says_nothing_new_does_not_renew_its_figures(follower: Desk) -> None:
    told = {"cause": "stop_loss", "ticket": 77, "balance": "10000", "equity": "10000"}
    follower.report(None, "closed", **told)
    account = BrokerAccount.objects.get()
    assert account.funds_at is not None
    told_at = account.funds_at - timedelta(hours=1)
    BrokerAccount.objects.update(funds_at=told_at)
    follower.report(None, "closed", **told)
    assert BrokerAccount.objects.get().funds_at == told_at


def test_a_balance_alone_makes_a_known_equity_no_younger(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2100"})
    heard_at = BrokerAccount.objects.get().funds_at
    follower.report(None, "closed", cause="stop_loss", ticket=78, balance="1900")
    assert (worth(follower), BrokerAccount.objects.get().funds_at) == (("1900", "2100"), heard_at)


def test_the_first_open_after_an_introduction_with_a_balance_is_copied(master: Desk) -> None:
    newcomer = Desk.open("srv:9").introduce(balance="2000", equity="2100", free_margin="1900")
    assert worth(newcomer) == ("2000", "2100")
    subscribe(master, newcomer, mode="balance_ratio")
    master.buy(1, "1", balance="10000")
    assert Command.objects.get().lots == Decimal("0.2")


def test_an_introduction_without_a_balance_leaves_the_figures_as_they_are(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2100"})
    follower.introduce("GBPUSD", equity="1")
    assert worth(follower) == ("2000", "2100")


def test_an_introduction_whose_parts_were_on_their_way_does_not_replace_a_newer_beat(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2100"})
    begun = follower.arrival("InitRequest", {"currency": "USD", "balance": "1", "equity": "1"})
    begun.heard -= 5
    batches.store(arrivals=[begun])
    assert worth(follower) == ("2000", "2100")


def test_a_strangers_introduction_does_not_tell_what_the_owner_has(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "2000", "equity": "2100"})
    key = AuthKey.objects.create(
        account=follower.account, fingerprint="stranger", key_hash="-", requested_at=follower.key.requested_at
    )
    Desk(follower.account, key, open_session(key)).introduce(balance="9", equity="9")
    assert worth(follower) == ("2000", "2100")
