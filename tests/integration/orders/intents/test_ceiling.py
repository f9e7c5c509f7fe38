"""The ceiling of a trade looks at the copies that are there, and at those of the same batch."""

from decimal import Decimal
from typing import Any

import pytest

from orders.models import Command, Decision
from sessions_app.services.ingest import batches
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
PRICED = {
    "name": "EURUSD",
    "digits": 5,
    "contract_size": "100000",
    "lots_min": "0.01",
    "lots_step": "0.01",
    "lots_max": "50",
    "tick_size": "0.00001",
    "tick_value": "1",
}


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    """11,000 USD a trade of 0.10 lots; 1,000 USD carry two of them under a ceiling of thirty times."""
    desk = Desk.open("srv:2")
    desk.introduce(symbols=[PRICED])
    desk.send("StatusHeartbeat", {"balance": "1000", "equity": "1000"})
    return desk


def codes() -> list[str]:
    return list(Decision.objects.order_by("id").values_list("code", flat=True))


def test_copies_that_are_there_count(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    for position in (1, 2, 3):
        master.buy(position)
    assert codes() == ["", "", "above_ceiling"]
    told = Decision.objects.order_by("-id")[0].steps[-1]
    assert (told["notional_after"], told["equity"], told["max_leverage"]) == ("33000", "1000", "30")
    master.intend("close", 1)
    master.buy(4)
    assert codes()[-1] == ""


def test_so_do_those_of_the_same_batch(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    fields: dict[str, Any] = {"action": "open", "symbol": "EURUSD", "side": "buy", "lots": "0.10", "price": "1.10000"}
    opens = [{**fields, "position_id": number, "ticket": number} for number in (1, 2, 3)]
    batches.store(arrivals=[master.arrival("OrderIntent", made, seq=made["ticket"]) for made in opens])
    assert codes() == ["", "", "above_ceiling"]


def test_it_cuts_nothing(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "0.28")
    assert (codes(), Command.objects.count()) == (["above_ceiling"], 0)


def test_it_can_be_switched_off(master: Desk, follower: Desk, settings: Any) -> None:
    settings.GATEWAY = settings.GATEWAY | {"max_leverage": 0}
    subscribe(master, follower)
    master.buy(1, "0.28")
    assert Command.objects.get().lots == Decimal("0.28")
