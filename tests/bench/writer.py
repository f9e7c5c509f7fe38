"""What the writer's thread needs for one intent and for the reports about it, without a socket.

    python -m tests.bench.writer --followers 1,10,100 --intents 30

One thread stores opens and the followers' reports, by turns with the bare relay's statements for as many rows: the
same COMMITs, no rules. What is told is the median of the thread's own CPU time and of the time by the clock, in ms.
CPU by turns is good on a busy machine too, the clock is not.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any, Final

from tests.bench.servers import SECRET
from tests.services import postgres
from tests.services.migrated import migrate

WARM: Final = 8  # statements are compiled, and planned for good after five


def main(arguments: Sequence[str]) -> None:
    """Start a PostgreSQL of its own, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.writer")
    parser.add_argument("--followers", default="1,10,100", help="of one master, with commas")
    parser.add_argument("--intents", type=int, default=30, help="of each number of followers")
    options = parser.parse_args(arguments)
    with postgres() as database, tempfile.TemporaryDirectory(prefix="eag-writer-") as folder:
        lane = {"DATABASE_URL": database.url, "SECRET_KEY": SECRET, "BEHIND_TLS": "off", "EAGATEWAY_DATA_DIR": folder}
        os.environ.update(lane, DJANGO_SETTINGS_MODULE="eagateway.settings")
        migrate(dict(os.environ))
        import django  # noqa: PLC0415 - only now are the settings known

        django.setup()
        from eagateway import routing  # noqa: PLC0415

        routing.bind()
        sys.stdout.write("followers  work      cpu ms  bare   ratio  clock ms  bare   ratio\n")
        for count in (int(text) for text in options.followers.split(",")):
            for work, ours, bare in _measured(count, options.intents, database.url):
                (cpu, clock), (bare_cpu, bare_clock) = _medians(ours), _medians(bare)
                told = f"{cpu:8.2f}{bare_cpu:6.2f}{cpu / bare_cpu:8.1f}{clock:10.2f}{bare_clock:6.2f}"
                sys.stdout.write(f"{count:9}  {work:8}{told}{clock / bare_clock:8.1f}\n")
        from django.db import connection  # noqa: PLC0415

        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]


Taken = list[tuple[float, float]]


def _medians(taken: Taken) -> tuple[float, float]:
    return median(cpu for cpu, _ in taken), median(clock for _, clock in taken)


def _measured(followers: int, intents: int, url: str) -> list[tuple[str, Taken, Taken]]:
    from sessions_app.services.ingest import batches  # noqa: PLC0415
    from tests.integration.trading import Desk, subscribe  # noqa: PLC0415

    master = Desk.open(f"{followers}:m").introduce()
    desks = [Desk.open(f"{followers}:{number}").introduce() for number in range(followers)]
    for desk in desks:
        subscribe(master, desk)
    bare = _Bare(url, f"bare{followers}")
    taken: dict[str, Taken] = {name: [] for name in ("intent", "reports", "bare intent", "bare reports")}
    for number in range(1, intents + WARM + 1):
        master.seq += 1
        wanted = {"action": "open", "position_id": number, "ticket": number, "symbol": "EURUSD", "side": "buy"}
        intent = master.arrival("OrderIntent", {**wanted, "lots": "0.10", "price": "1.1"}, seq=master.seq)
        taken["intent"].append(_timed(partial(batches.store, arrivals=[intent])))
        reports = _reports(desks)
        taken["reports"].append(_timed(partial(batches.store, arrivals=reports)))
        taken["bare intent"].append(_timed(partial(bare.intent, followers)))
        taken["bare reports"].append(_timed(partial(bare.reports, followers)))
    bare.close()
    return [(work, taken[work][WARM:], taken[f"bare {work}"][WARM:]) for work in ("intent", "reports")]


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    cpu, clock = time.thread_time(), time.perf_counter()
    work()
    return (time.thread_time() - cpu) * 1000, (time.perf_counter() - clock) * 1000


def _reports(desks: Sequence[Any]) -> list[Any]:
    """A fill of each follower's newest command."""
    from orders.models import Command  # noqa: PLC0415

    newest = dict(Command.objects.filter(state="queued").values_list("account_id", "id"))
    made = []
    for desk in desks:
        desk.seq += 1
        told = {"command_id": str(newest[desk.account.id]), "status": "filled", "ticket": desk.seq, "lots": "0.1"}
        made.append(desk.arrival("ExecutionReport", {**told, "price": "1.1", "balance": "1000"}, seq=desk.seq))
    return made


class _Bare:
    """The bare relay's rows, in a schema of their own."""

    def __init__(self, url: str, schema: str) -> None:
        from tests.bench.relay import PostgresStore, new_id  # noqa: PLC0415

        self._new_id, self._loop = new_id, asyncio.new_event_loop()
        self._store = self._loop.run_until_complete(self._created(PostgresStore, url, schema))

    @staticmethod
    async def _created(store: Any, url: str, schema: str) -> Any:
        import psycopg  # noqa: PLC0415

        with psycopg.connect(url, autocommit=True) as link:
            link.execute(f"CREATE SCHEMA {schema}".encode())
        mark = "&" if "?" in url else "?"
        return await store.create(f"{url}{mark}options=-csearch_path%3D{schema}")

    def intent(self, followers: int) -> None:
        """One intent and its commands."""
        new, now = self._new_id, datetime.now(UTC)
        intent = (new(), "m", new(), "open", 1, "EURUSD", "buy", "0.1", "1.1", now)
        commands = [
            (new(), f"f{number}", 1, intent[0], "open", 1, 1, "EURUSD", "buy", "0.1", "1.1", now)
            for number in range(followers)
        ]
        self._loop.run_until_complete(self._store.write({"intents": [intent], "commands": commands}))

    def reports(self, followers: int) -> None:
        """A report of each follower."""
        new, now = self._new_id, datetime.now(UTC)
        rows = [(new(), f"f{number}", new(), new(), "filled", 1, "0.1", "1.1", now) for number in range(followers)]
        self._loop.run_until_complete(self._store.write({"reports": rows}))

    def close(self) -> None:
        """Let go of its connection."""
        self._loop.run_until_complete(self._store._connection.close())
        self._loop.close()


if __name__ == "__main__":
    main(sys.argv[1:])
