"""What EAs have acknowledged: one account's is the highest it told, and many cost no more statements than one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Command
from sessions_app.models import BrokerAccount
from sessions_app.services.ingest import batches
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


def traded(followers: int, positions: int = 3) -> list[Desk]:
    master = Desk.open("srv:1").introduce()
    desks = [Desk.open(f"srv:{number}").introduce() for number in range(2, followers + 2)]
    for desk in desks:
        subscribe(master, desk)
    for position in range(1, positions + 1):
        master.buy(position)
    return desks


def acked(desk: Desk) -> int:
    return BrokerAccount.objects.get(id=desk.account.id).acked_seq


def states(desk: Desk) -> list[str]:
    return list(Command.objects.filter(account=desk.account).order_by("seq").values_list("state", flat=True))


def test_the_highest_counts_whatever_comes_after_it() -> None:
    (desk,) = traded(1)
    batches.store(arrivals=[desk.arrival("Ack", {"ack": number}) for number in (1, 2, 1)])
    assert (acked(desk), states(desk)) == (2, ["received", "received", "queued"])
    desk.send("Ack", {"ack": 1})
    assert acked(desk) == 2


def test_one_above_the_top_of_the_log_moves_nothing() -> None:
    (desk,) = traded(1)
    desk.send("Ack", {"ack": 9})
    assert (acked(desk), set(states(desk))) == (0, {"queued"})


def test_many_accounts_cost_no_more_statements_than_one() -> None:
    desks = traded(8, positions=1)
    counted = []
    for some in (desks[:1], desks[1:]):
        arrivals = [desk.arrival("Ack", {"ack": 1}) for desk in some]
        with CaptureQueriesContext(connection) as asked:
            batches.store(arrivals=arrivals)
        counted.append(len([query for query in asked if "BEGIN" not in query["sql"]]))
    assert all(acked(desk) == 1 for desk in desks)
    assert counted[1] <= counted[0] + 1, "and the locks of a larger batch"
