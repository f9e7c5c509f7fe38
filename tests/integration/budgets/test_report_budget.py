"""What a batch of reports costs that acknowledge their commands, as nearly all do: the same round trips for all
followers, one lock of their accounts, and each row written once.
"""

from typing import Any, Final

import pytest

from orders.models import Command
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Pushed
from tests.integration.counting import Cost, counted
from tests.integration.trading import Desk, subscribe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("production")]
FOLLOWERS: Final = 12
ROUND_TRIPS: Final = 3
"""The sessions and the frames that are known; the accounts and the commands; all writes with the COMMIT."""


class Floor:
    """A master with followers who report each command, and acknowledge it with that."""

    def __init__(self, followers: int) -> None:
        self.master = Desk.open("srv:1").introduce()
        self.desks = [Desk.open(f"srv:{number + 2}").introduce() for number in range(followers)]
        for desk in self.desks:
            subscribe(self.master, desk)

    def reports(self, status: str) -> list[Arrival]:
        """An acknowledgement and a report of each follower's newest command."""
        newest = {row.account_id: row for row in Command.objects.order_by("id")}
        now, made = queries.database_now(), []
        for desk in self.desks:
            command = newest[desk.account.id]
            desk.seq += 1
            ack = desk.arrival("Ack", {"ack": command.seq})
            ack.pushed = (Pushed(command.seq or 0, now, now),)
            told: dict[str, Any] = {"command_id": str(command.id), "status": status, "ticket": desk.seq, "lots": "0.1"}
            told |= {"price": "1.1", "balance": "1000", "equity": "1000"}
            made += [ack, desk.arrival("ExecutionReport", told, seq=desk.seq)]
        return made

    def cost(self, status: str) -> Cost:
        reports = self.reports(status)
        with counted() as cost:
            batches.store(arrivals=reports)
        return cost


def test_reports_that_acknowledge_are_three_round_trips_and_write_each_row_once() -> None:
    floor = Floor(FOLLOWERS)
    floor.master.buy(1)
    floor.cost("filled")
    floor.master.buy(2)
    cost = floor.cost("filled")
    assert (cost.of("calls"), cost.of("commits"), cost.of("instances")) == (ROUND_TRIPS, 1, 0)
    locks = [text for text in cost.naming("sessions_app_brokeraccount") if text.startswith("SELECT") and "FOR" in text]
    assert len([text for text in locks if 'FROM "sessions_app_brokeraccount"' in text]) == 1
    written = [text.split()[1] for text in cost.sql if text.startswith("UPDATE")]
    assert sorted(written) == sorted(set(written))
    assert set(BrokerAccount.objects.exclude(id=floor.master.account.id).values_list("acked_seq", flat=True)) == {2}
    ended = Command.objects.filter(state="done").values_list("acked_at", flat=True)
    assert [moment is not None for moment in ended] == [True] * 2 * FOLLOWERS


def test_closes_at_market_cost_no_more() -> None:
    floor = Floor(FOLLOWERS)
    floor.master.buy(1)
    floor.cost("filled")
    floor.master.intend("close", 1)
    assert floor.cost("closed").of("calls") == ROUND_TRIPS
