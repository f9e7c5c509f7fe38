"""What a step costs the database, counted: budgets that hold on every machine."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Model


@dataclass(slots=True)
class Cost:
    """`calls`: round trips; `statements`: executions, of which executemany has one for each row; `instances`: models
    made, by their names; `texts`: every statement with its parameters, in order."""

    calls: int = 0
    statements: int = 0
    commits: int = 0
    instances: Counter[str] = field(default_factory=Counter)
    texts: list[tuple[str, Any]] = field(default_factory=list)

    def naming(self, table: str) -> list[str]:
        """The statements that name a table."""
        return [text for text, _ in self.texts if table in text]


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what this thread's connection is asked meanwhile. Only the outermost transaction commits."""
    cost = Cost()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("BEGIN"):  # which Django executes on SQLite alone
            return execute(sql, params, many, context)
        cost.calls += 1
        cost.statements += len(params) if many else 1
        cost.texts.append((sql, params))
        return execute(sql, params, many, context)

    made, commit = Model.__init__, getattr(connection, "_commit")  # noqa: B009 - the one place of every COMMIT

    def make(self: Model, *args: Any, **kwargs: Any) -> None:
        cost.instances[type(self).__name__] += 1
        made(self, *args, **kwargs)

    def end() -> None:
        cost.commits += 1
        commit()

    Model.__init__ = make  # type: ignore[method-assign]
    setattr(connection, "_commit", end)  # noqa: B010
    try:
        with connection.execute_wrapper(note):
            yield cost
    finally:
        Model.__init__ = made  # type: ignore[method-assign]
        delattr(connection, "_commit")
