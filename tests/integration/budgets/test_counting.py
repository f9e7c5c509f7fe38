"""The counter counts: one of each kind is planted, and found."""

import asyncio
import json
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import redis
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from sessions_app.domain import decimals
from sessions_app.models import Tenant
from sessions_app.models.fields import new_id
from sessions_app.queries import database_now
from tests.integration.counting import Cost, counted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def table() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counted_rows (number integer)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE counted_rows")


def figures(cost: Cost) -> dict[str, int]:
    names = ("calls", "statements", "commits", "instances", "encodes", "hops", "messages")
    return {name: cost.of(name) for name in names if cost.of(name)}


def test_nothing_costs_nothing() -> None:
    with counted() as cost:
        pass
    assert figures(cost) == {}


def test_a_read_is_a_call_and_a_statement() -> None:
    with counted() as cost, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert figures(cost) == {"calls": 1, "statements": 1}
    assert cost.sql == ["SELECT 1"]


def test_an_executemany_is_one_call_and_a_statement_for_each_row() -> None:
    with counted() as cost, transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO counted_rows VALUES (%s)", [(1,), (2,), (3,)])
    assert figures(cost) == {"calls": 1, "statements": 3, "commits": 1}


def test_a_write_outside_of_a_transaction_is_a_commit() -> None:
    with counted() as cost, connection.cursor() as cursor:
        cursor.execute("INSERT INTO counted_rows VALUES (1)")
        cursor.execute("INSERT INTO counted_rows VALUES (2)")
    assert figures(cost) == {"calls": 2, "statements": 2, "commits": 2}


def test_a_transaction_is_one_commit_whatever_it_holds() -> None:
    with counted() as cost, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO counted_rows VALUES (1)")
        cursor.execute("INSERT INTO counted_rows VALUES (2)")
    assert figures(cost) == {"calls": 2, "statements": 2, "commits": 1}


@pytest.mark.lane("production")
def test_a_copy_is_one_call_and_one_statement() -> None:
    with counted() as cost, transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy("COPY counted_rows FROM STDIN") as copy:
            for number in range(100):
                copy.write_row((number,))
        cursor.execute("SELECT count(*) FROM counted_rows")
        assert cursor.fetchone() == (100,)
    assert figures(cost) == {"calls": 2, "statements": 2, "commits": 1}


@pytest.mark.lane("production")
def test_a_cursor_of_the_driver_itself_is_seen() -> None:
    connection.ensure_connection()
    with counted() as cost:
        connection.connection.execute("SELECT 1")
    assert figures(cost) == {"calls": 1, "statements": 1}


def test_instances_are_counted_by_class_whether_made_or_loaded() -> None:
    with counted() as cost:
        Tenant.objects.create(id=new_id(), name="One", created_at=database_now())
        list(Tenant.objects.all())
    assert cost.instances == {"Tenant": 2}


@pytest.mark.parametrize(
    "encode",
    [
        lambda: json.dumps({"a": 1}),
        lambda: msgspec.json.encode({"a": 1}),
        lambda: decimals.to_json({"a": 1}),
    ],
    ids=["json", "msgspec", "an encoder of ours"],
)
def test_an_encode_is_counted(encode: Any) -> None:
    with counted() as cost:
        encode()
    assert figures(cost) == {"encodes": 1}


def test_a_hop_to_a_thread_is_counted_once() -> None:
    async def hop() -> None:
        await asyncio.get_running_loop().run_in_executor(None, int)

    loop = asyncio.new_event_loop()
    with counted() as cost:
        loop.run_until_complete(hop())
    loop.close()
    assert figures(cost) == {"hops": 1}


def test_a_hop_back_to_a_loop_is_counted() -> None:
    loop = asyncio.new_event_loop()
    with counted() as cost:
        loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    loop.close()
    assert figures(cost) == {"hops": 1}


def test_a_message_to_other_processes_is_counted() -> None:
    nobody = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    with counted() as cost, pytest.raises(redis.ConnectionError):
        nobody.publish("channel", "text")
    assert figures(cost) == {"messages": 1}


def test_what_another_thread_does_is_counted() -> None:
    seen: queue.Queue[bytes] = queue.Queue()
    with counted() as cost:
        thread = threading.Thread(target=lambda: seen.put(decimals.to_json([1])))
        thread.start()
        thread.join()
    assert figures(cost) == {"encodes": 1}


def test_afterwards_everything_is_as_before() -> None:
    before = (ThreadPoolExecutor.submit, json.JSONEncoder.encode, msgspec.json.encode, Tenant.__init__)
    with counted() as cost:
        pass
    json.dumps([])
    assert figures(cost) == {}
    assert before == (ThreadPoolExecutor.submit, json.JSONEncoder.encode, msgspec.json.encode, Tenant.__init__)
