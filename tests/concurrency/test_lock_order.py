"""Whoever locks, locks in one order: keys, sessions, accounts by their ids. Else a writer would be held up."""

import secrets
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.db import connection

from orders.services.provisioning import deployment
from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.models import AuthKey
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches, quarantine
from sessions_app.services.ingest.ports import Arrival
from sessions_app.services.lifecycle import ending, promotion
from tests.concurrency.hands import at_once
from tests.integration.trading import OPERATOR, Desk, subscribe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("production")]
PATIENCE_S = 1.0


def let_somebody_wait() -> None:
    """Return when another hand waits for a lock, or would have by now."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return


@pytest.fixture
def halted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Event]:
    """Hold a function of a module up until another hand waits; the event says that it was reached."""

    def halt(module: Any, name: str) -> Event:
        real, reached = getattr(module, name), Event()

        def slow(*args: Any, **kwargs: Any) -> Any:
            reached.set()
            let_somebody_wait()
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, slow)
        return reached

    return halt


def stored_after(reached: Event, arrival: Arrival) -> Callable[[], Any]:
    def store() -> Any:
        reached.wait(5)
        return batches.store(arrivals=[arrival])

    return store


def trade(master: Desk) -> Arrival:
    content = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
    return master.arrival("OrderIntent", {**content, "price": "1.1"}, seq=1)


def fallen(outcomes: list[Any]) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_a_master_is_promoted_while_another_trades_for_it_and_its_follower(
    halted: Callable[[Any, str], Event],
) -> None:
    follower = Desk.open("srv:f").introduce()
    relay = Desk.open("srv:m", approved=False).introduce()
    master = Desk.open("srv:x").introduce()
    for leader, copier in ((master, follower), (master, relay), (relay, follower)):
        subscribe(leader, copier)
    relay.send("StatusHeartbeat", {"balance": "1000"})
    relay.buy(7, "0.1")
    reached = halted(quarantine, "apply")
    approve = lambda: keys.approve(key_id=relay.key.id, by=OPERATOR, reason="known")  # noqa: E731
    assert fallen(at_once(approve, stored_after(reached, trade(master)))) == []


def test_a_pending_session_ends_while_commands_are_held_for_it(halted: Callable[[Any, str], Event]) -> None:
    follower = Desk.open("srv:m", approved=False).introduce()
    master = Desk.open("srv:x").introduce()
    subscribe(master, follower)
    reached = halted(ending, "_forget_terminal")
    reject = lambda: keys.reject(key_id=follower.key.id, by=OPERATOR, reason="unknown")  # noqa: E731
    assert fallen(at_once(reject, stored_after(reached, trade(master)))) == []


def test_a_key_is_provisioned_while_its_pending_session_beats(halted: Callable[[Any, str], Event]) -> None:
    desk, material = Desk.open("srv:m", approved=False).introduce(), secrets.token_urlsafe(32)
    AuthKey.objects.filter(id=desk.key.id).update(fingerprint=key_fingerprint(material))
    desk.send("StatusHeartbeat", {"balance": "1000"})
    reached = halted(promotion, "_lock_proof")
    account = {"account_id": "srv:m", "keys": [{"key": material, "approved": True}]}
    document = {"tenants": [{"name": "Tenant", "accounts": [account], "strategies": []}]}
    provision = lambda: deployment.provision(document=document, by=OPERATOR)  # noqa: E731
    beat = desk.arrival("StatusHeartbeat", {"balance": "999"})
    assert fallen(at_once(provision, stored_after(reached, beat))) == []


def test_a_stranger_s_key_is_approved_for_a_tenant_while_its_terminal_beats(
    halted: Callable[[Any, str], Event],
) -> None:
    desk = Desk.open("srv:m", approved=False).introduce()
    tenant_id, desk.account.tenant = desk.account.tenant_id, None
    desk.account.save(update_fields=["tenant"])
    desk.send("StatusHeartbeat", {"balance": "1000"})
    reached = halted(promotion, "promote_newest_living")
    approve = lambda: keys.approve(key_id=desk.key.id, by=OPERATOR, reason="known", tenant_id=tenant_id)  # noqa: E731
    beat = desk.arrival("StatusHeartbeat", {"balance": "999"})
    assert fallen(at_once(approve, stored_after(reached, beat))) == []
