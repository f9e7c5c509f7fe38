"""What PostgreSQL does for each statement of a piece of work: the plans, with how many rows were looked at for nothing.

Each statement is explained where it is executed, with its own values, in a savepoint that is rolled back: what it finds
then is what it finds in earnest.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import psycopg
from psycopg.pq import TransactionStatus

_EXPLAINED: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement's plan."""

    sql: str
    root: Node

    def nodes(self) -> Iterator[Node]:
        """Every step, from the top."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", ())


@contextmanager
def explained() -> Iterator[list[Plan]]:
    """The plans of everything that this process asks of PostgreSQL in the block, except for COPY and executemany."""
    plans: list[Plan] = []
    execute = psycopg.Cursor.execute

    def explain_first(cursor: psycopg.Cursor[Any], query: Any, params: Any = None, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if text.lstrip(" (").partition(" ")[0].upper() in _EXPLAINED:
            plans.append(Plan(text, _plan(cursor, text, params)))
        return execute(cursor, query, params, **options)

    def _plan(cursor: psycopg.Cursor[Any], text: str, params: Any) -> Node:
        link = cursor.connection
        alone = link.autocommit and link.info.transaction_status is TransactionStatus.IDLE
        begin, end = ("BEGIN", "ROLLBACK") if alone else ("SAVEPOINT explained", "ROLLBACK TO SAVEPOINT explained")
        with type(cursor)(link) as own:
            own.row_factory = psycopg.rows.tuple_row
            execute(own, begin.encode())
            try:
                execute(own, ("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + text).encode(), params)
                ((told,),) = own.fetchall()
            finally:
                execute(own, end.encode())
        root: Node = told[0]["Plan"]
        return root

    with patch.object(psycopg.Cursor, "execute", explain_first):
        yield plans
