"""SQLite has one writer: threads of the process wait for their turn, and none of them is told that it is locked."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from sessions_app.models import Tenant
from sessions_app.queries import database_now
from tests.concurrency.hands import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("embedded")]


def work(number: int) -> None:
    with transaction.atomic(durable=True):
        Tenant.objects.create(name=f"tenant {number}", created_at=database_now())


def test_forty_threads_that_write_at_once_all_do() -> None:
    outcomes = at_once(*(lambda number=number: work(number) for number in range(40)))
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Tenant.objects.count() == 40


def test_a_transaction_waits_for_the_one_before_it_without_asking_sqlite() -> None:
    began, asked = threading.Event(), []

    def second() -> None:
        began.wait(5)
        connection.ensure_connection()
        # SQLite itself would refuse at once: only the process's own turn can be what it waits for.
        connection.cursor().execute("PRAGMA busy_timeout = 0")
        work(2)
        asked.append(time.monotonic())

    waiting = threading.Thread(target=second)
    waiting.start()
    with transaction.atomic(durable=True):
        Tenant.objects.create(name="first", created_at=database_now())
        began.set()
        waiting.join(0.2)  # time enough to be refused
        assert asked == []
    waiting.join(5)
    assert len(asked) == 1


@pytest.mark.parametrize("end", ["error", "closed"])
def test_a_turn_ends_with_a_transaction_however_it_ends(end: str) -> None:
    def fails() -> None:
        try:
            with transaction.atomic(durable=True):
                work_in_it = Tenant(name="never", created_at=database_now())
                work_in_it.save()
                if end == "closed":
                    connection.close()
                raise OperationalError
        finally:
            connection.close()

    (outcome,) = at_once(fails)
    assert isinstance(outcome, Exception)
    at_once(lambda: work(1))
    assert list(Tenant.objects.values_list("name", flat=True)) == ["tenant 1"]
