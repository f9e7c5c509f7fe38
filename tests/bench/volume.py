"""Years of history in seconds: closed trades of accounts that are there, written by the database itself.

Each row is a copy of a real one, which the gateway has made for a closed trade, under another id, number and position.
Commands stand in a former epoch, so that a running gateway and its EAs count on undisturbed. A program too, in the
environment of a gateway under test:

    python -m tests.bench.volume 2800    # positions of every master; prints how many rows there are then
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Final

import django
from django.db import connection, transaction

FIRST: Final = 1_000_000
"""Position ids and tickets of the history begin here, copy numbers at eight times as much."""
TABLES: Final = (
    "orders_masterposition",
    "orders_intent",
    "orders_decision",
    "orders_copy",
    "orders_command",
    "orders_report",
    "sessions_app_inboundframe",
)
_EPOCH: Final = 0xE
_ACTIONS: Final = ((0, "open", "filled"), (1, "close", "closed"))
_WHO: Final = """
SELECT row_number() OVER (ORDER BY s.id) AS f, dense_rank() OVER (ORDER BY t.id) AS m, s.id AS subscription_id,
       s.follower_id AS account_id, t.master_id AS master_id,
       (SELECT id FROM sessions_app_easession e WHERE e.account_id = s.follower_id
        ORDER BY id DESC LIMIT 1) AS session_id,
       (SELECT id FROM sessions_app_easession e WHERE e.account_id = t.master_id
        ORDER BY id DESC LIMIT 1) AS master_session
FROM orders_subscription s JOIN orders_strategy t ON t.id = s.strategy_id
"""
_COUNTED: Final = "(WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < %d) SELECT k FROM c)"
_MASTERS: Final = "SELECT DISTINCT m, master_id AS account_id, master_session AS session_id FROM filled_for"


def fill(positions: int, *, minutes: int = 1) -> int:
    """Give every master so many closed positions, with all that belongs to them; how many rows there are then.

    One closed trade must be there as a template. `minutes`: from each position to the next.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # what is copied refers to what is there
        cursor.execute(f"CREATE TEMPORARY TABLE filled_for AS {_WHO}")
        for statement in _statements(positions, minutes):
            cursor.execute(statement)
        cursor.execute("DROP TABLE filled_for")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(" UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in TABLES))  # noqa: S608
        return sum(count for (count,) in cursor.fetchall())


def _statements(positions: int, minutes: int) -> Iterator[str]:
    span = (positions, minutes)
    place = {"position_id": f"{FIRST} + k", "ticket": f"{FIRST} + k"}
    of_master = {"account_id": "w.account_id", "session_id": "w.session_id"}
    yield _insert("orders_masterposition", "state = 'closed'", _MASTERS, span,
                  {"id": _id(1, "k * 1000 + w.m"), "account_id": "w.account_id", **place})  # fmt: skip
    copy = {"id": _id(2, "k * 100000 + w.f"), "subscription_id": "w.subscription_id", "account_id": "w.account_id"}
    numbered = {"copy_no": f"{8 * FIRST} + k", **place}
    yield _insert("orders_copy", "state = 'closed'", "SELECT * FROM filled_for", span, {**copy, **numbered})
    for number, action, status in _ACTIONS:
        master, follower = f"(2 * k + {number}) * 1000 + w.m", f"(2 * k + {number}) * 100000 + w.f"
        intent, decision, command = _id(3, master), _id(4, follower), _id(5, follower)
        of_action = f"action = '{action}'"
        yield _insert("orders_intent", of_action, _MASTERS, span,
                      {"id": intent, "frame_id": _id(6, master), **of_master, **place})  # fmt: skip
        yield _insert("sessions_app_inboundframe", "kind = 'OrderIntent'", _MASTERS, span,
                      {"id": _id(7, master), "frame_id": _id(6, master), "seq": f"{FIRST} + 2 * k + {number}",
                       **of_master})  # fmt: skip
        decided = {"id": decision, "intent_id": _id(3, f"(2 * k + {number}) * 1000 + w.m"),
                   "subscription_id": "w.subscription_id"}  # fmt: skip
        of_intent = f"intent_id IN (SELECT id FROM orders_intent WHERE {of_action})"  # noqa: S608 - ours
        yield _insert("orders_decision", of_intent, "SELECT * FROM filled_for", span, decided)
        ordered = {"id": command, "account_id": "w.account_id", "decision_id": decision, "copy_id": copy["id"],
                   "epoch": _id(_EPOCH, "0"), "seq": f"2 * k + {number}", "frame_id": _id(8, follower),
                   "position_id": place["position_id"]}  # fmt: skip
        yield _insert("orders_command", of_action, "SELECT * FROM filled_for", span, ordered)
        told = {"account_id": "w.account_id", "session_id": "w.session_id", "frame_id": _id(9, follower)}
        reported = {"id": _id(10, follower), "command_id": command, "copy_id": copy["id"], "ticket": place["ticket"]}
        yield _insert("orders_report", f"status = '{status}'", "SELECT * FROM filled_for", span,
                      {**told, **reported})  # fmt: skip
        yield _insert("sessions_app_inboundframe", "kind = 'ExecutionReport'", "SELECT * FROM filled_for", span,
                      {"id": _id(11, follower), "seq": f"{FIRST} + 2 * k + {number}", **told})  # fmt: skip


def _insert(table: str, template: str, whose: str, span: tuple[int, int], own: Mapping[str, str]) -> str:
    """A row for each of those and each k, as the template, apart from what is its own."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    moments = {name: _earlier(f"t.{name}", *span) for name in columns if name.endswith("_at")}
    values = {name: f"t.{name}" for name in columns} | moments | dict(own)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values[name] for name in columns)} "  # noqa: S608
        f"FROM (SELECT * FROM {table} WHERE {template} ORDER BY id LIMIT 1) t, ({whose}) w, {_numbers(span[0])}"
    )


def _id(kind: int, number: str) -> str:
    """A UUID of version 7 that says which row it is."""
    if connection.vendor == "postgresql":
        return f"('01900000-0000-7{kind:03x}-8000-' || lpad(to_hex(({number})::bigint), 12, '0'))::uuid"
    return f"('0190000000007{kind:03x}8000' || printf('%012x', {number}))"


def _earlier(column: str, positions: int, minutes: int) -> str:
    if connection.vendor == "postgresql":
        return f"{column} - ({positions} - k) * interval '{minutes} minutes'"
    return f"datetime({column}, '-' || ({positions} - k) * {minutes} || ' minutes')"


def _numbers(positions: int) -> str:
    if connection.vendor == "postgresql":
        return f"generate_series(1, {positions}) k"
    return _COUNTED % positions


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    django.setup(set_prefix=False)
    sys.stdout.write(f"{fill(int(sys.argv[1]))}\n")
