"""What EAs acknowledge: commands are received, with their time line, whoever has pushed them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import connection, transaction

from orders.models import Command
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now
from sessions_app.services.ingest import acknowledgements, batches, ports
from sessions_app.services.ingest.ports import Acknowledged, Arrival, Pushed
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def updates() -> Iterator[list[int]]:
    """How many rows each UPDATE of commands is executed for; on SQLite each row is one execution."""
    seen: list[int] = []

    def see(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('UPDATE "orders_command"'):
            seen.append(len(params) if many else 1)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(see):
        yield seen


def ordered(count: int) -> Desk:
    """A follower with this many opens in its log."""
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    for number in range(1, count + 1):
        master.buy(number)
    return follower


def acknowledge(follower: Desk, upto: int, *told: int, former: int = 0) -> None:
    now = database_now()
    account = BrokerAccount.objects.get(id=follower.account.id)
    pushed = [Pushed(seq, now - timedelta(seconds=2), now - timedelta(seconds=1)) for seq in told]
    with transaction.atomic():
        row = Acknowledged(account.id, account.epoch, former, upto)
        ports.bound().acknowledged([row], {account.id: pushed}, now)


def log() -> list[tuple[str, bool]]:
    """Each command's state, and whether its three moments are known."""
    rows = Command.objects.order_by("seq").values_list("state", "committed_at", "pushed_at", "acked_at")
    return [(state, all(moments)) for state, *moments in rows]


def test_commands_are_received_with_their_moments_in_one_write() -> None:
    follower = ordered(3)
    with updates() as seen:
        acknowledge(follower, 2, 1, 2)
    assert log() == [("received", True), ("received", True), ("queued", False)]
    assert seen == ([1] if connection.vendor == "postgresql" else [2])
    first = Command.objects.order_by("seq")[0]
    assert first.committed_at is not None
    assert first.pushed_at is not None
    assert first.acked_at is not None
    assert first.acked_at - first.pushed_at == first.pushed_at - first.committed_at == timedelta(seconds=1)


def test_a_report_that_was_faster_is_not_undone_and_the_moments_are_kept() -> None:
    follower = ordered(2)
    first = Command.objects.order_by("seq")[0]
    follower.report(first.id, "filled", ticket=9, lots="0.1", price="1.1")
    acknowledge(follower, 2, 1, 2)
    assert log() == [("done", True), ("received", True)]


def test_what_another_process_has_pushed_is_received_too() -> None:
    follower = ordered(4)
    acknowledge(follower, 4, 2)
    assert log() == [("received", False), ("received", True), ("received", False), ("received", False)]


def test_what_was_pushed_below_the_former_acknowledgement_covers_nothing_above_it() -> None:
    follower = ordered(4)
    acknowledge(follower, 2)
    acknowledge(follower, 4, 1, 2, former=2)
    assert [state for state, _ in log()] == ["received"] * 4


# With a report in the same batch --------------------------------------------------------------------------------------


def ack(follower: Desk, upto: int, *told: int) -> Arrival:
    now = database_now()
    arrival = follower.arrival("Ack", {"ack": upto})
    arrival.pushed = tuple(Pushed(seq, now - timedelta(seconds=2), now - timedelta(seconds=1)) for seq in told)
    return arrival


def report(follower: Desk, seq: int, status: str = "filled") -> Arrival:
    """About the command with this number."""
    follower.seq += 1
    command = Command.objects.get(account=follower.account, seq=seq)
    content = {"command_id": str(command.id), "status": status, "ticket": seq, "lots": "0.1", "price": "1.1"}
    return follower.arrival("ExecutionReport", content, seq=follower.seq)


def acked(follower: Desk) -> int:
    return BrokerAccount.objects.get(id=follower.account.id).acked_seq


def test_a_report_and_its_acknowledgement_are_one_write_of_the_command() -> None:
    follower = ordered(1)
    arrivals = [ack(follower, 1, 1), report(follower, 1)]
    with updates() as seen:
        batches.store(arrivals=arrivals)
    assert (log(), acked(follower), seen) == ([("done", True)], 1, [1])


def test_what_is_acknowledged_beyond_the_report_is_received_with_its_moments() -> None:
    follower = ordered(3)
    batches.store(arrivals=[ack(follower, 2, 1, 2), report(follower, 1)])
    assert (log(), acked(follower)) == ([("done", True), ("received", True), ("queued", False)], 2)


def test_what_nobody_here_has_pushed_is_received_beside_a_report() -> None:
    follower = ordered(3)
    batches.store(arrivals=[ack(follower, 3, 2), report(follower, 2)])
    assert (log(), acked(follower)) == ([("received", False), ("done", True), ("received", False)], 3)


def test_an_acknowledgement_behind_its_report_keeps_the_moments_too() -> None:
    follower = ordered(2)
    batches.store(arrivals=[report(follower, 1), ack(follower, 2, 1, 2)])
    assert (log(), acked(follower)) == ([("done", True), ("received", True)], 2)


def test_a_report_that_is_refused_takes_no_acknowledgement_with_it() -> None:
    follower = ordered(1)
    foreign = follower.arrival("ExecutionReport", {"command_id": str(uuid4()), "status": "filled"}, seq=1)
    batches.store(arrivals=[ack(follower, 1, 1), foreign])
    assert foreign.refusal is not None
    assert (log(), acked(follower)) == ([("received", True)], 1)


def test_the_acknowledgement_of_another_account_goes_with_the_reports_of_a_batch() -> None:
    master, one, other = (Desk.open(f"srv:{number}").introduce() for number in (1, 2, 3))
    subscribe(master, one)
    subscribe(master, other)
    master.buy(1)
    batches.store(arrivals=[ack(other, 1, 1), ack(one, 1, 1), report(one, 1)])
    assert (acked(one), acked(other)) == (1, 1)
    assert sorted(log()) == [("done", True), ("received", True)]


def test_a_number_that_the_log_has_not_reached_moves_nothing() -> None:
    follower = ordered(1)
    batches.store(arrivals=[ack(follower, 7), report(follower, 1)])
    assert (log(), acked(follower)) == ([("done", False)], 0)


def test_every_other_frame_finds_the_acknowledgement_before_it_written() -> None:
    follower = ordered(1)
    book = follower.arrival("SyncSnapshot", {"phase": "report", "positions": [], "applied_server_seq": 1, "hash": "0"})
    with patch.object(acknowledgements, "settle", wraps=acknowledgements.settle) as settled:
        batches.store(arrivals=[ack(follower, 1, 1), book])
    assert settled.call_count == 2  # before the book, and at the end
    assert acked(follower) == 1
    assert log()[0][1]
