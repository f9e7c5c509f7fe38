"""Rows in bulk: what is written is what was given, in one statement, on either database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from orders.models import Command, Copy, Decision, Intent
from sessions_app.models import InboundFrame
from sessions_app.models.bulk import COPY_FROM, JsonText, insert_rows, update_rows
from sessions_app.models.fields import new_id
from sessions_app.models.transactions import NoTransaction
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db

ODD = 'a "b" \\ {c},\t\n\r NULL \\N é 漢 \u2028'
AT = datetime(2026, 11, 29, 1, 2, 3, 45, tzinfo=UTC)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile; one that is executed for many rows on PostgreSQL counts as many."""
    seen: list[str] = []

    def see(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.extend([sql] * (len(params) if many and connection.vendor == "postgresql" else 1))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(see):
        yield seen


def frame(desk: Desk, number: int, **fields: Any) -> InboundFrame:
    content = {"text": ODD, "number": number, "list": [None, True, "1.50"]}
    told: dict[str, Any] = {"kind": ODD[:60], "digest": bytes(range(32)), "content": content, **fields}
    return InboundFrame(
        account=desk.account, session=desk.session, frame_id=new_id(), seq=number, received_at=AT, **told
    )


@pytest.mark.parametrize("count", [1, COPY_FROM - 1, COPY_FROM, 300])
def test_rows_are_read_back_as_they_were_given_whatever_their_number(count: int) -> None:
    desk = Desk.open("A")
    rows = [frame(desk, number, content=None if number % 3 == 0 else {"text": ODD}) for number in range(count)]
    with counted() as seen:
        insert_rows(InboundFrame, rows)
    assert len(seen) == 1
    stored = {row.id: row for row in InboundFrame.objects.all()}
    for row in rows:
        found = stored[row.id]
        assert bytes(found.digest) == row.digest
        for name in ("account_id", "session_id", "frame_id", "seq", "kind", "content", "quarantined", "received_at"):
            assert getattr(found, name) == getattr(row, name), name


@pytest.mark.parametrize("count", [3, COPY_FROM])
def test_decimals_and_empty_columns_keep_every_digit(count: int) -> None:
    master, follower = Desk.open("M"), Desk.open("F")
    subscription = subscribe(master, follower)
    copies = [
        Copy(
            id=new_id(), subscription=subscription, account=follower.account, position_id=number, state="open",
            symbol="EURUSD", side="buy", order_type="market", lots_opened=Decimal("1234567.12345678"),
            lots_open=Decimal(0), price=Decimal("1234567890.0123456789"), sl=None, digits=5, created_at=AT,
        )
        for number in range(count)
    ]  # fmt: skip
    insert_rows(Copy, copies)
    for found in Copy.objects.all():
        assert found.lots_opened == Decimal("1234567.12345678")
        assert found.price == Decimal("1234567890.0123456789")
        assert (found.lots_open, found.digits) == (Decimal(0), 5)
        assert [found.sl, found.tp, found.closed_at] == [None, None, None]
    # Equal numbers are one text in SQLite, as Django writes them.
    assert Copy.objects.filter(price=Decimal("1234567890.01234567890")).count() == count


def test_only_the_named_columns_of_the_named_rows_are_updated_in_one_statement() -> None:
    desk = Desk.open("A")
    rows = [frame(desk, number) for number in range(120)]
    insert_rows(InboundFrame, rows)
    for row in rows[:100]:
        row.refusal, row.content, row.seq, row.received_at = f"no {row.seq}", None, -1, AT + timedelta(days=1)
    with counted() as seen:
        update_rows(InboundFrame, rows[:100], ["refusal", "content", "received_at"])
    assert len(seen) == 1
    stored = {row.id: row for row in InboundFrame.objects.all()}
    for number, row in enumerate(rows):
        found, changed = stored[row.id], number < 100
        assert found.seq == number
        assert found.refusal == (f"no {number}" if changed else "")
        assert (found.content is None) is changed
        assert found.received_at == (AT + timedelta(days=1) if changed else AT)


def test_content_that_is_encoded_already_is_stored_as_it_is() -> None:
    desk = Desk.open("A")
    text = JsonText('{"a": [1, "\\u00e9"]}')
    insert_rows(InboundFrame, [frame(desk, 1, content=text)])
    assert InboundFrame.objects.get().content == {"a": [1, "é"]}


@pytest.mark.parametrize("count", [1, COPY_FROM])
def test_a_row_that_breaks_a_constraint_stops_all_of_them(count: int) -> None:
    desk = Desk.open("A")
    rows = [frame(desk, number) for number in range(count)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(InboundFrame, [*rows, rows[0]])
    assert not InboundFrame.objects.exists()


@pytest.mark.parametrize("count", [1, COPY_FROM])
def test_what_is_too_long_or_no_text_is_refused_and_not_cut(count: int) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite bounds no text")
    desk = Desk.open("A")
    for bad in ("x" * 65, "a\0b"):
        with pytest.raises((DataError, ValueError)), transaction.atomic():
            insert_rows(InboundFrame, [frame(desk, number, kind=bad) for number in range(count)])
    row = frame(desk, 1)
    insert_rows(InboundFrame, [row])
    row.kind = "x" * 65
    with pytest.raises(DataError), transaction.atomic():
        update_rows(InboundFrame, [row], ["kind"])


@pytest.mark.parametrize("model", [Command, Copy, Decision, Intent, InboundFrame])
def test_nothing_is_sent_for_no_rows(model: Any) -> None:
    with counted() as seen:
        insert_rows(model, [])
        update_rows(model, [], ["id"])
    assert not seen


@pytest.mark.django_db(transaction=True)
def test_rows_are_written_inside_a_transaction_alone() -> None:
    with pytest.raises(NoTransaction):
        insert_rows(InboundFrame, [])
    with pytest.raises(NoTransaction):
        update_rows(InboundFrame, [], [])
