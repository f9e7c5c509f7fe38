"""What EAs have acknowledged: one account's is the highest it told, and many cost no more statements than one."""

import asyncio
from typing import Any, Final

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from eagateway_sdk.ids import uuid7

from orders.models import Command
from sessions_app import queries
from sessions_app.domain.frames.registry import Traffic
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Fate, Pushed
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.rate_limits import Bucket, RateLimits
from sessions_app.transport.outbound.delivery import Delivery
from tests.integration.sessions_app.transport.test_introductions_in_parts import Shelf
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


# What a report carries ------------------------------------------------------------------------------------------------


def carried(desk: Desk, number: int, acked: int, *, seq: int, command_id: str | None = None) -> Arrival:
    """A fill of a desk's command, which acknowledges commands up to a number."""
    command = Command.objects.get(account=desk.account, seq=number)
    told = {"command_id": command_id or str(command.id), "status": "filled", "ticket": number, "lots": "0.1"}
    report, now = desk.arrival("ExecutionReport", {**told, "price": "1.1"}, seq=seq), database_now()
    report.ack, report.pushed = acked, tuple(Pushed(item, now, now) for item in range(1, acked + 1))
    return report


def test_a_report_carries_what_its_sender_has_received() -> None:
    (desk,) = traded(1)
    batches.store(arrivals=[carried(desk, 1, 2, seq=1)])
    assert (acked(desk), states(desk)) == (2, ["done", "received", "queued"])
    moments = Command.objects.filter(account=desk.account, seq__lte=2).values_list("pushed_at", "acked_at")
    assert all(all(known) for known in moments)


def test_two_reports_of_one_account_carry_the_higher_of_both() -> None:
    (desk,) = traded(1)
    batches.store(arrivals=[carried(desk, 1, 3, seq=1), carried(desk, 2, 2, seq=2)])
    assert (acked(desk), states(desk)) == (3, ["done", "done", "received"])


@pytest.mark.parametrize("fate", [Fate.REPEAT, Fate.GAP, Fate.REFUSED])
def test_what_a_report_carries_counts_whatever_becomes_of_the_report(fate: Fate) -> None:
    (desk,) = traded(1)
    first = carried(desk, 1, 1, seq=1)
    batches.store(arrivals=[first])
    again = carried(desk, 1, 2, seq={Fate.REPEAT: 1, Fate.GAP: 5, Fate.REFUSED: 2}[fate])
    if fate is Fate.REPEAT:
        again.frame_id, again.digest = first.frame_id, first.digest
    if fate is Fate.REFUSED:
        again.payload, again.refusal = None, Refused("invalid")
    batches.store(arrivals=[again])
    assert again.fate is fate
    assert (acked(desk), states(desk)) == (2, ["done", "received", "queued"])


def test_a_report_about_somebody_elses_command_still_says_what_was_received() -> None:
    desk, other = traded(2)
    foreign = Command.objects.get(account=other.account, seq=1)
    report = carried(desk, 1, 1, seq=1, command_id=str(foreign.id))
    batches.store(arrivals=[report])
    assert report.refusal is not None
    assert report.refusal.code == "not_your_command"
    assert (acked(desk), acked(other)) == (1, 0)


def test_a_session_that_has_ended_acknowledges_nothing_by_its_reports() -> None:
    (desk,) = traded(1)
    report = carried(desk, 1, 1, seq=1)
    desk.again()
    batches.store(arrivals=[report])
    again = carried(desk, 1, 1, seq=1)
    again.frame_id, again.digest = report.frame_id, report.digest
    batches.store(arrivals=[again])
    assert [(item.late, item.fate) for item in (report, again)] == [(True, Fate.APPLY), (True, Fate.REPEAT)]
    assert (acked(desk), states(desk)[0]) == (0, "done")


# Which frame carries it -----------------------------------------------------------------------------------------------


def heard(desk: Desk, *frames: tuple[str, dict[str, Any]], reports: int = 9) -> list[Arrival]:
    """What goes to the batch of frames that acknowledge the first command, on a link that was sent all of them."""
    standing = queries.standings([desk.session.id])[desk.session.id]
    link, shelf, bounds = ExchangeConnection(standing=standing, resume_from=0), Shelf(), RateLimits()
    bounds.reports = bounds._by_traffic[Traffic.REPORTS] = Bucket(rate=0.001, burst=reports)

    async def talk() -> None:
        delivery, heartbeats = Delivery(Registry()), Heartbeats()
        door = Dispatcher(link, bounds=bounds, delivery=delivery, ingest=shelf, heartbeats=heartbeats)  # type: ignore[arg-type]
        for number, (kind, payload) in enumerate(frames, 1):
            frame = {"v": 1, "type": kind, "id": str(uuid7()), "seq": number, "ack": 1, "payload": payload}
            await door.take(msgspec.json.encode(frame))

    asyncio.run(talk())
    assert link.outbox.acked == 1
    return shelf.arrivals


FILL: Final = ("ExecutionReport", {"status": "filled", "command_id": str(uuid7()), "ticket": 1})
ALERT: Final = ("ErrorAlert", {"code": "requote", "message": "138", "severity": "warning"})


def test_a_report_takes_its_acknowledgement_along_once() -> None:
    (desk,) = traded(1)
    assert [(item.kind, item.ack) for item in heard(desk, FILL, FILL)] == [
        ("ExecutionReport", 1), ("ExecutionReport", 0)
    ]  # fmt: skip


def test_before_any_other_frame_it_goes_by_itself() -> None:
    (desk,) = traded(1)
    assert [(item.kind, item.ack) for item in heard(desk, ALERT, FILL)] == [
        ("Ack", 0), ("ErrorAlert", 0), ("ExecutionReport", 0)
    ]  # fmt: skip


def test_it_goes_by_itself_when_its_report_does_not_reach_the_batch() -> None:
    (desk,) = traded(1)
    assert [item.kind for item in heard(desk, FILL, reports=0)] == ["Ack"]
