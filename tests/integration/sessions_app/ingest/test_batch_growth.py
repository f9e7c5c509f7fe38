"""What accounts have sent before costs a batch nothing: every row that it needs is found by an index."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection, transaction

from orders.models import Command
from sessions_app.models import BrokerAccount, EaSession, InboundFrame
from sessions_app.models.bulk import _update
from sessions_app.models.statements import plan_by_index
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival
from tests.bench import volume
from tests.factories import CommandFactory
from tests.integration.counting import counted
from tests.integration.plans import analyse, fresh_ids, kept_scans, multiply, scans
from tests.integration.trading import Desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("production")]

ALERT = {"code": "requote", "severity": "warning"}
FRAMES = 500_000
ROWS = 20_000


@pytest.fixture
def grown() -> Iterator[list[Desk]]:
    """Two of many accounts, each with half of half a million frames."""
    desks = [Desk.open("srv:1"), Desk.open("srv:2")]
    multiply(desks[0].account, ROWS, account_id="'other:' || n", epoch=fresh_ids())
    ended = Desk.open("srv:3").session
    EaSession.objects.filter(id=ended.id).update(
        state="closed", closed_at=ended.created_at, close_reason="shutdown_by_ea"
    )
    multiply(ended, ROWS, token_hash="'token ' || n")
    multiply(desks[0].key, ROWS, fingerprint="'key ' || n")
    for desk in desks:
        desk.send("ErrorAlert", ALERT)
        frame = InboundFrame.objects.get(session=desk.session)
        multiply(frame, FRAMES // 2, frame_id=fresh_ids(), seq="n + 1")
        EaSession.objects.filter(id=desk.session.id).update(stored_seq=FRAMES // 2 + 1)
        desk.seq = FRAMES // 2 + 1
    command = CommandFactory.create(account=desks[0].account, seq=1, epoch=desks[0].account.epoch)
    Command.objects.filter(id=command.id).update(state="received")
    multiply(command, ROWS, seq="n + 1", attempt="n + 1")
    BrokerAccount.objects.filter(id=desks[0].account.id).update(next_seq=ROWS + 10, acked_seq=ROWS)
    analyse()
    yield desks
    with connection.cursor() as cursor:  # together: one by one, as the fixture of the database deletes, takes minutes
        cursor.execute(f"TRUNCATE {BrokerAccount._meta.db_table}, {', '.join(volume.TABLES)} CASCADE")


def statements_of(arrivals: Sequence[Arrival]) -> list[tuple[str, Any]]:
    with counted() as cost:
        batches.store(arrivals=arrivals)
    return [(text, params) for text, params in cost.texts if not text.startswith("COPY")]


def test_no_statement_of_a_batch_reads_an_accounts_history(grown: list[Desk]) -> None:
    repeated = InboundFrame.objects.filter(session=grown[0].session, seq=7).get().frame_id
    arrivals = [
        *(desk.arrival("ErrorAlert", ALERT, seq=desk.seq + 1) for desk in grown),
        grown[0].arrival("ErrorAlert", ALERT, seq=7, frame_id=repeated),
        grown[0].arrival("Ack", {"ack": ROWS + 1}),
    ]
    looked_at = set()
    for text, params in statements_of(arrivals):
        for scan in scans(text, params):
            assert scan["Node Type"] != "Seq Scan", text
            assert "Filter" not in scan or scan["Relation Name"] != InboundFrame._meta.db_table, (text, scan)
            if scan["Relation Name"] == Command._meta.db_table:
                assert "seq >" in scan.get("Index Cond", "") + scan.get("Recheck Cond", ""), scan
            looked_at.add(scan["Relation Name"])
    tables = {model._meta.db_table for model in (EaSession, BrokerAccount, InboundFrame, Command)}
    assert looked_at >= tables
    assert connection.vendor == "postgresql"


def test_a_plan_made_while_a_table_was_small_goes_through_none_of_the_rows_that_came_since() -> None:
    """It is kept. A join that the planner may turn round read all frames, once for each frame of a batch."""
    desks = [Desk.open("srv:1"), Desk.open("srv:2")]
    command = CommandFactory.create(account=desks[0].account, seq=1, epoch=desks[0].account.epoch)
    sent = statements_of([desk.arrival("ErrorAlert", ALERT, seq=desk.seq + 1) for desk in desks])
    ((look, params),) = [item for item in sent if item[0].startswith("SELECT") and "listed" in item[0]]
    move = _update(Command, ("state",), ("id",), "", "postgresql").statement
    frame = InboundFrame.objects.get(session=desks[0].session)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE orders_command, sessions_app_inboundframe CASCADE")
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'sessions_app_inboundframe'::regclass")
    frame.save(force_insert=True)
    command.save(force_insert=True)
    for step in range(1, 13):  # as in a new house: its tables have never been analysed
        multiply(frame, 100, frame_id=fresh_ids(), seq=f"n + {step * 1000}")
        multiply(command, 100, seq=f"n + {step * 1000}", attempt=f"n + {step * 1000}")
        with transaction.atomic():
            plan_by_index()
            (found,), (moved,) = kept_scans(look, params), kept_scans(move, [f"{{{command.id.hex}}}", "{received}"])
        assert found.get("Index Cond") == "((account_id = listed.first) AND (frame_id = listed.second))", step
        assert moved.get("Index Cond") == "(id = new.k0)", step
