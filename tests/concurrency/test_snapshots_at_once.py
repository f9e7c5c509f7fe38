"""Snapshots in the same instant: with each other, with reports, with intents."""

from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from orders.models import Command, Copy, Difference, Report
from orders.services.reconciliation import decisions
from sessions_app.models import BrokerAccount
from sessions_app.services.ingest.ports import Arrival, Batch
from tests.concurrency.hands import at_once, store
from tests.integration.trading import OPERATOR, Desk, held, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pair() -> tuple[Desk, Desk]:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    follower.hello(installation_id="a")
    subscribe(master, follower)
    return master, follower


def book(desk: Desk, *positions: dict[str, Any]) -> Arrival:
    told = {"phase": "report", "positions": list(positions), "balance": "1000", "applied_server_seq": 100}
    return desk.arrival("SyncSnapshot", told)


@pytest.mark.parametrize("attempt", range(3))
def test_case_092_many_snapshots_in_parallel_converge_in_one_pass(pair: tuple[Desk, Desk], attempt: int) -> None:
    master, follower = pair
    for position in (1, 2, 3):
        master.buy(position)
    items = [held(1, 901), held(2, 902, "0.05"), held(9, 909), held(None, 70)]
    arrivals = [book(follower, *items) for _ in range(6)]
    done = at_once(*(lambda arrival=arrival: store([arrival]) for arrival in arrivals))
    assert all(isinstance(batch, Batch) for batch in done)
    assert sorted(Report.objects.values_list("copy__copy_no", "status")) == [(1, "filled"), (2, "partially_filled")]
    assert sorted(Difference.objects.values_list("kind", "state")) == [("extra", "open"), ("foreign", "open")]
    assert list(Copy.objects.order_by("copy_no").values_list("state", flat=True)) == ["open", "open", "ordered"]


@pytest.mark.parametrize("attempt", range(5))
def test_case_086_an_adoption_and_the_eas_own_report_at_once_open_one_copy(
    pair: tuple[Desk, Desk], attempt: int
) -> None:
    master, follower = pair
    master.buy(1)
    command = Command.objects.get()
    told = {"command_id": str(command.id), "status": "filled", "ticket": 901, "lots": "0.1", "price": "1.1"}
    report = follower.arrival("ExecutionReport", told, seq=1)
    snapshot = book(follower, held(1, 901))
    done = at_once(lambda: store([report]), lambda: store([snapshot]))
    assert all(isinstance(batch, Batch) for batch in done)
    command.refresh_from_db()
    assert (command.state, command.reason) in (("done", ""), ("done", "from_snapshot"))
    assert Copy.objects.get().ticket == 901
    assert Report.objects.filter(repeated=False, flag="").count() + Report.objects.exclude(flag="").count() <= 2
    follower.tell(held(1, 901))
    assert follower.result == []


@pytest.mark.lane("production")
def test_a_person_accepts_nothing_while_a_snapshot_is_compared(pair: tuple[Desk, Desk]) -> None:
    _, follower = pair
    follower.tell(held(9, 909))
    row = Difference.objects.get()

    def accept() -> Difference:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout TO '100ms'")
            try:
                return decisions.accept(difference_id=row.id, by=OPERATOR, reason="known")
            finally:
                cursor.execute("RESET lock_timeout")

    with transaction.atomic():
        BrokerAccount.objects.select_for_update(no_key=True).get(id=follower.account.id)
        (impatient,) = at_once(accept)
    assert isinstance(impatient, OperationalError)
    assert accept().state == "accepted"
