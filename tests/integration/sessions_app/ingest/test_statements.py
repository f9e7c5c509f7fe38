"""Statements that are compiled once: they find what their query would, are sent together, and fail as Django's do."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID, uuid4

import psycopg
import pytest
import time_machine
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.sql.compiler import SQLCompiler

from orders.models import Command, Subscription
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.bulk import COPY_FROM, _update, insert_rows, send_update, update_rows
from sessions_app.models.light import Fetch, make
from sessions_app.models.statements import Place, Statement, execute, forget_plans, moment, plan_by_index, together
from sessions_app.queries import clock, database_now
from tests.integration.counting import counted
from tests.integration.plans import scans
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
production: Final = pytest.mark.lane("production")


def logins() -> Statement:
    accounts = BrokerAccount.objects.filter(id__among=Place("accounts"), fence__gt=0)
    return Statement(lambda: accounts.order_by("account_id").values_list("id", "account_id"))


@contextmanager
def compiled() -> Iterator[list[str]]:
    """The queries that the ORM makes a text of."""
    texts: list[str] = []
    as_sql = SQLCompiler.as_sql

    def noted(compiler: SQLCompiler, *arguments: Any, **options: Any) -> Any:
        made = as_sql(compiler, *arguments, **options)
        texts.append(made[0])
        return made

    with patch.object(SQLCompiler, "as_sql", noted):
        yield texts


def _accounts(count: int) -> list[BrokerAccount]:
    return [Desk.open(f"srv:{number + 1}").account for number in range(count)]


def test_a_statement_is_compiled_once_and_finds_what_its_values_ask_for() -> None:
    first, second, _ = _accounts(3)
    statement = logins()
    with compiled() as texts:
        assert [pk for pk, _ in statement.read(accounts=[second.id, first.id])] == [first.id, second.id]
        assert [pk for pk, _ in statement.read(accounts={second.id})] == [second.id]
        assert statement.read(accounts=[]) == []
    assert len(texts) == 1


def test_a_moment_is_compared_as_the_database_keeps_it() -> None:
    """SQLite keeps moments as text, in which a zone or an "T" would come before or after every digit."""
    now = database_now()
    rows = {Desk.open(f"srv:{shift}").account.id: now + timedelta(microseconds=shift) for shift in (-1, 0, 1)}
    for pk, at in rows.items():
        BrokerAccount.objects.filter(id=pk).update(snapshot_due_at=at)
    due = Statement(lambda: BrokerAccount.objects.filter(snapshot_due_at__lte=moment("now")).values_list("id"))
    elsewhere = now.astimezone(timezone(timedelta(hours=9)))
    for told in (now, elsewhere):
        assert {pk for (pk,) in due.read(now=told)} == {pk for pk, at in rows.items() if at <= now}


@pytest.mark.lane("embedded")
@pytest.mark.parametrize("later", [timedelta(days=1), timedelta(microseconds=1)])
def test_a_compiled_statement_tells_the_time_at_which_it_is_executed(later: timedelta) -> None:
    """PostgreSQL's clock cannot be moved from here; SQLite's is the process's, in the text of its columns."""
    (account,), now = _accounts(1), datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    BrokerAccount.objects.update(snapshot_due_at=now + later)
    due = BrokerAccount.objects.filter(id__among=Place("accounts"), snapshot_due_at__lte=clock())
    clocks, dues = Statement(lambda: _clocks(Place("accounts"))), Statement(lambda: due.values_list("id"))
    with time_machine.travel(now, tick=False):
        assert (clocks.read(accounts=[account.id]), dues.read(accounts=[account.id])) == ([(now,)], [])
    with time_machine.travel(now + later, tick=False):
        assert clocks.read(accounts=[account.id]) == [(now + later,)]
        assert dues.read(accounts=[account.id]) == [(account.id,)]


def _clocks(accounts: Place) -> Any:
    return BrokerAccount.objects.filter(id__among=accounts).annotate(clock=clock()).values_list("clock")


def test_what_is_written_later_is_not_among_what_was_found() -> None:
    first, second = _accounts(2)
    BrokerAccount.objects.filter(id=first.id).update(fence=7)
    statement = Statement(lambda: BrokerAccount.objects.filter(fence__among=Place("fences")).values_list("id"))
    with together():
        answer = statement.send(fences=[7])
    BrokerAccount.objects.filter(id=second.id).update(fence=7)
    assert answer.read() == [(first.id,)]


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        logins().read()


def test_rows_are_what_the_orm_reads() -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)
    rows = Fetch(lambda: Subscription.objects.filter(follower__among=Place("followers")), "strategy")
    (row,) = rows.read(followers=[follower.account.id])
    expected = Subscription.objects.select_related("strategy").get()
    fields = [field.attname for field in Subscription._meta.concrete_fields]
    assert {name: getattr(row, name) for name in fields} == {name: getattr(expected, name) for name in fields}
    assert row.strategy.name == expected.strategy.name


def test_whoever_watches_the_connection_sees_each_statement() -> None:
    (account,) = _accounts(1)
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    statement = logins()
    with connection.execute_wrapper(watch):
        statement.read(accounts=[account.id])
        with together():
            statement.send(accounts=[account.id])
    assert len(seen) == 2
    assert all("broker" in sql for sql in seen)


def test_what_is_sent_together_is_read_after_the_block() -> None:
    first, second = _accounts(2)
    statement = logins()
    with together():
        one, other = statement.send(accounts=[first.id]), statement.send(accounts=[second.id])
    assert [one.read()[0][0], other.read()[0][0]] == [first.id, second.id]


@production
def test_what_is_sent_together_cannot_be_read_before_the_end() -> None:
    (account,) = _accounts(1)
    with together():
        answer = logins().send(accounts=[account.id])
        with pytest.raises(RuntimeError, match="after the block"):
            answer.read()
        with pytest.raises(RuntimeError, match="after the block"):
            answer.count()
    assert answer.count() == 1


@pytest.mark.parametrize("count", [1, COPY_FROM + 1])
def test_writes_that_are_sent_together_are_written(count: int) -> None:
    (account,) = _accounts(1)
    sessions = [_session(account.id) for _ in range(count)]
    with transaction.atomic(), together():
        insert_rows(EaSession, sessions)
        for session in sessions:
            session.stored_seq = 7
        send_update(EaSession, sessions, ["stored_seq"])
    assert EaSession.objects.filter(stored_seq=7).count() == count


def test_the_first_error_of_those_that_are_sent_together_is_told_and_nothing_is_written() -> None:
    (account,) = _accounts(1)
    session = _session(account.id)
    before = EaSession.objects.count()
    fenced = make(BrokerAccount, id=account.id, fence=9)
    with pytest.raises(IntegrityError), transaction.atomic(), together():  # noqa: PT012 - all of them are meant
        insert_rows(EaSession, [session])
        insert_rows(EaSession, [session])
        send_update(BrokerAccount, [fenced], ["fence"])
    assert EaSession.objects.count() == before
    assert BrokerAccount.objects.get().fence != 9
    assert logins().read(accounts=[account.id])  # the connection is whole


def test_a_commit_among_those_that_are_sent_together_does_not_keep_what_failed_before_it() -> None:
    (account,) = _accounts(1)
    session = _session(account.id)
    before = EaSession.objects.count()
    with pytest.raises(IntegrityError), together(), transaction.atomic():  # noqa: PT012 - all of them are meant
        insert_rows(EaSession, [session])
        insert_rows(EaSession, [session])
    assert EaSession.objects.count() == before


@production
def test_a_statement_is_prepared_once_where_the_connection_allows_it() -> None:
    (account,) = _accounts(1)
    statement = logins()
    link = connection.connection
    link._prepared._names.clear()  # the connection may have served a test before, with the same statement
    for _ in range(3):
        statement.read(accounts=[account.id, uuid4()])
    rows = [make(BrokerAccount, id=pk) for pk in sorted(uuid4() for _ in range(3))]  # locked in this order
    with transaction.atomic():
        for some in (rows[:1], rows[1:]):
            update_rows(BrokerAccount, some, ["fence", "acked_seq"])
    assert len(link._prepared._names) == 2


@production
def test_no_statement_is_prepared_where_the_connection_does_not_allow_it() -> None:
    (account,) = _accounts(1)
    link = connection.connection
    before = len(link._prepared._names)
    with patch.object(link._prepared, "prepare_threshold", None):
        assert logins().read(accounts=[account.id])
    assert len(link._prepared._names) == before


@production
def test_constants_stand_in_the_text_so_that_a_kept_plan_knows_them() -> None:
    """What is compared with a parameter proves no condition of a partial index."""
    sent: list[tuple[str, Any]] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append((query, params))
        return execute(cursor, query, params, **options)

    rows = BrokerAccount.objects.filter(id__among=Place("accounts"), account_id="100%s'")
    statement = Statement(lambda: rows.values_list("id"))
    with patch.object(psycopg.Cursor, "execute", noted):
        assert statement.read(accounts=[UUID(int=1)]) == []
    ((sql, params),) = [item for item in sent if 'FROM "sessions_app_brokeraccount"' in str(item[0])]
    assert "'100%%s'''" in sql
    assert len(params) == 1


def _session(account_pk: UUID) -> EaSession:
    """One that has ended: there may be many of them."""
    kept = EaSession.objects.filter(account=account_pk).values().get()
    ended = {
        "state": "closed",
        "closed_at": kept["created_at"],
        "close_reason": Reason.PREEMPTED,
        "idempotency_key": None,
    }
    return make(EaSession, **{**kept, **ended, "id": uuid4(), "token_hash": uuid4().hex})


@production
def test_a_batch_finds_its_rows_by_index_also_while_the_tables_are_small() -> None:
    master, follower = Desk.open("small:m").introduce(), Desk.open("small:f").introduce()
    subscribe(master, follower)
    master.buy(1)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (FULL, ANALYZE) orders_command")  # one row on one page: whoever may, reads it all
    write = _update(Command, ("state",), ("id",), "", "postgresql").statement
    rows = [f"{{{Command.objects.get().id.hex}}}", "{received}"]
    with transaction.atomic():
        assert [node["Node Type"] for node in scans(write, rows)] == ["Seq Scan"]
        plan_by_index()
        assert [node["Index Name"] for node in scans(write, rows)] == ["orders_command_pkey"]
    assert [node["Node Type"] for node in scans(write, rows)] == ["Seq Scan"]
    with counted() as cost:
        master.buy(2)
    assert len(cost.naming("enable_seqscan")) == 1


@production
def test_plans_that_were_kept_can_be_forgotten() -> None:
    accounts = [account.id for account in _accounts(2)]
    with transaction.atomic():
        read = [logins().read(accounts=accounts)]
    forget_plans()
    with transaction.atomic():
        read.append(logins().read(accounts=accounts))
    assert read[0] == read[1]


@contextmanager
def polls_counted() -> Iterator[Counter[str]]:
    """How often the driver has asked the operating system whether it may write or read, by what it was doing."""
    polls: Counter[str] = Counter()
    wait = psycopg.Connection.wait

    def counted(self: Any, gen: Any, *arguments: Any, **named: Any) -> Any:
        def talk() -> Any:
            try:
                asked = next(gen)
                while True:
                    polls[gen.__qualname__] += 1
                    asked = gen.send((yield asked))
            except StopIteration as end:
                return end.value

        return wait(self, talk(), *arguments, **named)

    with patch.object(psycopg.Connection, "wait", counted):
        yield polls


@production
@pytest.mark.parametrize("many", [1, 40])
def test_what_is_sent_together_is_waited_for_once_and_its_transaction_begins_with_it(many: int) -> None:
    """Each wait lets another thread take the interpreter, and the writer waits for its turn."""
    _accounts(1)
    with polls_counted() as polls, transaction.atomic():
        with together():
            found = [execute("SELECT count(*) FROM sessions_app_brokeraccount", ()) for _ in range(many)]
        assert [answer.read() for answer in found] == [[(1,)]] * many
        assert sum(polls.values()) <= 2, polls
        with together():
            execute("SELECT 1", ())
        assert sum(polls.values()) <= 4, polls
    with ExitStack() as last, polls_counted() as polls, transaction.atomic():
        last.enter_context(together())
        execute("UPDATE sessions_app_brokeraccount SET account_id = 'moved'", ())
    assert sum(polls.values()) <= 2, polls
    assert BrokerAccount.objects.get().account_id == "moved"


@production
def test_more_than_the_buffers_take_is_sent_while_much_is_told() -> None:
    """Neither side waits for the other: what the database tells is taken in while the rest is still sent."""
    long = "x" * 3_000_000
    with transaction.atomic(), together():
        found = [execute("SELECT %s || 'y'", [long]) for _ in range(6)]
    assert [answer.read() for answer in found] == [[(f"{long}y",)]] * 6


@production
def test_a_connection_that_is_cut_while_statements_are_sent_together_is_an_error_and_the_next_one_works() -> None:
    def ended_by_itself() -> None:
        with transaction.atomic(), together():
            execute("SELECT pg_terminate_backend(pg_backend_pid())", ())
            execute("SELECT 1", ())

    with pytest.raises(OperationalError):
        ended_by_itself()
    connection.close()
    with transaction.atomic(), together():
        found = execute("SELECT 1", ())
    assert found.read() == [(1,)]
