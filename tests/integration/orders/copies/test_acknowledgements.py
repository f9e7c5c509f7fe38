"""What EAs acknowledge: commands are received, with their time line, whoever has pushed them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from orders.models import Command
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Acknowledged, Pushed
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
