"""How PostgreSQL would answer statements on tables that have grown: rows made by the database, plans read as trees."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from django.db import connection, models


def fresh_ids() -> str:
    """SQL for new ids that follow each other, which indexes take quickly."""
    return f"('{uuid4().hex[:20]}' || lpad(to_hex(n), 12, '0'))::uuid"


def multiply(row: models.Model, count: int, **columns: str) -> None:
    """Insert `count` copies of a row under new keys; `columns`: SQL for what differs, in terms of the number `n`."""
    meta = row._meta
    written = {str(meta.pk.column): fresh_ids(), **columns}
    names = [str(field.column) for field in meta.concrete_fields]
    values = ", ".join(written.get(name, name) for name in names)
    source = f"{meta.db_table}, generate_series(1, {count}) n WHERE {meta.pk.column} = %s"
    statement = f"INSERT INTO {meta.db_table} ({', '.join(names)}) SELECT {values} FROM {source}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])


def analyse() -> None:
    """Let the planner know how large the tables are."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def scans(statement: str, params: Any) -> list[dict[str, Any]]:
    """Every node of a statement's plan that reads a table or an index. Nothing is executed."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement, params)
        (answer,) = cursor.fetchone()
    return _scans(answer)


def kept_scans(statement: str, params: Sequence[Any]) -> list[dict[str, Any]]:
    """The same of the plan that is kept for a prepared statement, whatever its values are; in a transaction."""
    first, *others = statement.split("%s")
    numbered = first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE kept AS {numbered.replace('%%', '%')}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE kept ({', '.join(['%s'] * len(params))})", params)
        (answer,) = cursor.fetchone()
        cursor.execute("DEALLOCATE kept")
    return _scans(answer)


def _scans(answer: Any) -> list[dict[str, Any]]:
    plan = answer if isinstance(answer, list) else json.loads(answer)
    return [node for node in _nodes(plan[0]["Plan"]) if "Scan" in node["Node Type"] and "Relation Name" in node]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
