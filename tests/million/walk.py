"""Each page once to warm, then five times: how often it asks the database, how long it takes at best, and its size.

How long it takes is the CPU time of this process and of the database's that serves it. On a quiet machine that is what
the clock says of a database in memory; on a busy one the clock tells how busy it is. Workers of PostgreSQL beside the
serving process would be counted by nobody, so it is told to do without them.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import psycopg
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings

from eagateway import routing
from tests.integration.backoffice.house import House, Person, build, person, served
from tests.integration.backoffice.test_policy_walk import BESIDE, LITERAL, filled
from tests.million import rows

MOST_QUERIES: Final = 12
MOST_MS: Final = 300
MOST_KILOBYTES: Final = 150
TIMES: Final = 5
NO_PAGES: Final = ("tenants:export", "openapi", "asyncapi", "frames", "docs", "sign_out", "invitation")
WHO: Final = ("the tenant's owner", "staff: Administrator")
# What staff and members do beside the plain addresses: search, filter, leaf on.
MORE: Final = {
    "admin:orders_command_changelist": (
        "?q=million:77",
        "?state__exact=rejected",
        "?state=rejected",
        "?p=100",
        "?q=EUR",
        "?q=1000200",
    ),
    "admin:orders_copy_changelist": ("?q=million:77", "?state=open", "?p=100", "?q=EUR", "?q=1000200"),
    "admin:orders_decision_changelist": ("?q=million:77", "?outcome=denied", "?p=100", "?q=EUR", "?q=1000200"),
    "admin:orders_intent_changelist": ("?q=million:1", "?p=40"),
    "admin:orders_report_changelist": ("?q=million:77", "?p=100"),
    "admin:sessions_app_easession_changelist": ("?q=million:77", "?state=expired", "?p=100"),
    "admin:sessions_app_brokeraccount_changelist": ("?q=million:77", "?p=20"),
    "tenants:trades": ("?q=million:1", "?q=eur", "?q=1000200", "?page=40"),
    "tenants:accounts": ("?q=77", "?page=30"),
    "tenants:subscriptions": ("?q=77", "?page=30"),
    "tenants:audit": ("?who=nobody", "?q=nothing", "?kind=session", "?day=2026-01-01"),
    "admin:audit": ("?tenant=own", "?who=nobody", "?q=nothing", "?kind=difference", "?day=2026-01-01"),
}


@dataclass(frozen=True, slots=True)
class Looked:
    """One page."""

    name: str
    address: str
    queries: int
    milliseconds: float
    of_database: float
    kilobytes: float
    slowest: str

    @property
    def is_over(self) -> bool:
        return self.queries > MOST_QUERIES or self.milliseconds >= MOST_MS or self.kilobytes > MOST_KILOBYTES


def over(commands: int, *, only: str) -> int:
    """Fill, look at every page; 1 if one is over a bound."""
    routing.bind()
    began = time.monotonic()
    house = rows.fill(commands)
    with connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE eagateway SET max_parallel_workers_per_gather = 0")
    connection.close()
    say(f"filled in {time.monotonic() - began:.0f} s")
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        looked = [told(one, whole=bool(only)) for one in _pages(house, only)]
    wrong = [one for one in looked if one.is_over]
    for one in sorted(wrong, key=lambda one: -one.milliseconds):
        told(one, whole=False)
    say(f"{len(looked)} pages, {len(wrong)} over {MOST_QUERIES} queries, {MOST_MS} ms of CPU or {MOST_KILOBYTES} KB")
    return 1 if wrong else 0


def told(one: Looked, *, whole: bool) -> Looked:
    """Say a line of it, with its slowest statement where it is over a bound or asked for alone."""
    mark = "OVER" if one.is_over else "    "
    cost = f"{one.milliseconds:8.1f} ms ({one.of_database:.0f}) {one.queries:3} queries {one.kilobytes:6.0f} KB"
    say(f"{mark} {cost}  {one.name}  {one.address}")
    if one.is_over or whole:
        say(f"       {one.slowest}")
    return one


def _pages(house: House, only: str) -> Iterator[Looked]:
    houses = {"own": house, "neighbour": build("Neighbour")}
    for who in WHO:
        somebody = person(who, house, houses["neighbour"])
        for name, pattern in sorted(served()):
            if name in BESIDE or name in NO_PAGES or not name.startswith(only):
                continue
            plain = "/" + filled(LITERAL.get(name, pattern), ("own", "own"), houses)
            for address in (plain, *(plain + query for query in MORE.get(name, ()))):
                looked = _look(somebody, name, address)
                if looked is not None:
                    yield looked


def _look(who: Person, name: str, address: str) -> Looked | None:
    answer = _ask(who.client, address)
    if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
        return None
    took, costs, said = 0, [], ""
    for _ in range(TIMES):
        with _timed() as statements:
            here, there = time.process_time(), _backend_seconds()
            _ask(who.client, address)
            there = _backend_seconds() - there
            here = time.process_time() - here
        costs.append(((here + there) * 1000, there * 1000))
        took = len(statements)
        slowest = max(statements, default=(0.0, ""))
        said = f"{slowest[0] * 1000:.0f} ms by the clock: {slowest[1][:1500]}"
    return Looked(name, address, took, *min(costs), len(answer.content) / 1024, said)


def _backend_seconds() -> float:
    """How long the process of the database that serves this connection has run on a processor."""
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    # Linux's clock of another process: what clock_getcpuclockid of the C library gives, which Python does not offer.
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def _timed() -> Iterator[list[tuple[float, str]]]:
    """Each statement that PostgreSQL is asked in the block, with its seconds."""
    statements: list[tuple[float, str]] = []
    execute = psycopg.Cursor.execute

    def timed(cursor: psycopg.Cursor[Any], query: Any, params: Any = None, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(cursor, query, params, **options)
        finally:
            statements.append((time.perf_counter() - began, str(query)))

    with patch.object(psycopg.Cursor, "execute", timed):
        yield statements


def _ask(client: Client, address: str) -> Any:
    cache.clear()
    return client.get(address)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
