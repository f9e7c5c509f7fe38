"""What a batch costs around its handlers: the same for one session and for many, whatever its accounts have sent."""

from collections.abc import Sequence

import pytest
from django.db import connection
from eagateway_sdk.ids import uuid7

from orders.models import Command
from sessions_app.models import BrokerAccount, EaSession, InboundFrame
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Fate
from tests.factories import CommandFactory
from tests.integration.counting import Cost, counted
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)

ALERT = {"code": "requote", "message": "138", "severity": "warning"}


def open_desks(count: int) -> list[Desk]:
    return [Desk.open(f"srv:{number + 1}") for number in range(count)]


def store(arrivals: Sequence[Arrival]) -> Cost:
    with counted() as cost:
        batches.store(arrivals=arrivals)
    return cost


def alerts_of(desks: Sequence[Desk]) -> list[Arrival]:
    """One durable frame of each session that changes nothing but the rows of the batch itself."""
    for desk in desks:
        desk.seq += 1
    return [desk.arrival("ErrorAlert", ALERT, seq=desk.seq) for desk in desks]


@pytest.mark.parametrize("senders", [1, 10, 100])
def test_durable_frames_cost_two_round_trips_one_commit_and_no_model(senders: int) -> None:
    desks = open_desks(senders)
    arrivals = alerts_of(desks)
    cost = store(arrivals)
    # The sessions, what is known of the frames; their rows, how far they are stored; the accounts for more than one.
    accounts_locked = int(senders > 1 and connection.vendor == "postgresql")
    trips = 2 if connection.vendor == "postgresql" else 4
    assert (cost.calls, cost.commits, dict(cost.instances)) == (trips + accounts_locked, 1, {})
    assert InboundFrame.objects.count() == senders
    assert set(EaSession.objects.values_list("stored_seq", flat=True)) == {1}


@pytest.mark.lane("production")
@pytest.mark.parametrize("senders", [1, 10, 100])
def test_no_statement_is_executed_for_each_frame(senders: int) -> None:
    cost = store(alerts_of(open_desks(senders)))
    # The first of them has the others planned by index (ADR 78), in the same round trip.
    assert cost.statements == 5 + (senders > 1)


def test_frames_that_come_again_are_found_by_two_reads_whatever_their_number() -> None:
    """Of their ids, and of whose their numbers are: the second one only where a number comes again."""
    desks = open_desks(3)
    first = alerts_of(desks)
    store(first)
    again = [
        desk.arrival("ErrorAlert", ALERT, seq=1, frame_id=arrival.frame_id)
        for desk, arrival in zip(desks, first, strict=True)
    ]
    renumbered = desks[0].arrival("ErrorAlert", ALERT, seq=2, frame_id=first[0].frame_id)
    usurper = desks[1].arrival("ErrorAlert", ALERT, seq=1, frame_id=uuid7())
    cost = store([*again, renumbered, usurper])
    fates = [arrival.fate for arrival in (*again, renumbered, usurper)]
    assert fates == [Fate.REPEAT, Fate.REPEAT, Fate.REPEAT, Fate.REPEAT, Fate.CONFLICT]
    assert len(cost.naming("sessions_app_inboundframe")) == 2
    fresh = store([desks[2].arrival("ErrorAlert", ALERT, seq=2)])
    assert sum(text.startswith("SELECT") for text in fresh.naming("sessions_app_inboundframe")) == 1


@pytest.mark.parametrize("senders", [1, 10, 100])
def test_acknowledgements_cost_a_constant_number_of_round_trips_and_no_model(senders: int) -> None:
    desks = open_desks(senders)
    for desk in desks:
        BrokerAccount.objects.filter(id=desk.account.id).update(next_seq=10)
    cost = store([desk.arrival("Ack", {"ack": 7}) for desk in desks])
    trips = 5 if connection.vendor == "postgresql" else 4  # the COMMIT's own is counted there
    # The sessions; the accounts locked and read, and moved on; their commands.
    assert (cost.calls, cost.commits, dict(cost.instances)) == (trips, 1, {})
    assert set(BrokerAccount.objects.values_list("acked_seq", flat=True)) == {7}


def test_an_acknowledgement_moves_on_what_lies_above_the_former_one_alone() -> None:
    desk = Desk.open("srv:1")
    rows = [
        CommandFactory.create(account=desk.account, seq=number, epoch=desk.account.epoch) for number in (1, 2, 3, 4)
    ]
    BrokerAccount.objects.filter(id=desk.account.id).update(next_seq=5, acked_seq=1)
    desk.send("Ack", {"ack": 3})
    states = [Command.objects.get(id=row.id).state for row in rows]
    assert states == ["queued", "received", "received", "queued"]
