"""`make bench`: the table of bars, from real processes.

python -m tests.bench             every scenario on every lane; half an hour and more
python -m tests.bench --only 1-100,10x100 --server daphne --database sqlite --rounds 3
python -m tests.bench --quick     under 2 minutes; exit status 1 if a ratio falls short by more than a fifth
python -m tests.bench --list
"""

import argparse
import itertools
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import uvloop

from tests.bench import report
from tests.bench.bars import BARS
from tests.bench.report import Row
from tests.bench.scenarios import SCENARIOS, Bench
from tests.bench.servers import SECRET, Database, House, Server, Setup
from tests.services import postgres, valkey
from tests.services.migrated import ROOT, copy_database, migrate
from tests.services.postgres import DATABASE

QUICK: Final = ("1-1", "1-100", "heartbeat")
QUICK_SLACK: Final = 0.2


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 0 if nothing falls short."""
    options = _options(arguments)
    if options.list:
        sys.stdout.write("\n".join(SCENARIOS) + "\n")
        return 0
    wanted = _names(options)
    setups = [Setup(server, database) for server, database in itertools.product(_servers(options), _databases(options))]
    rows: list[Row] = []
    result: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine(), "runs": []}
    with _house(with_postgres="postgresql" in _databases(options)) as house:
        for setup, name in itertools.product(setups, wanted):
            bench = Bench(
                house=house, least=options.rounds, most=max(options.rounds, options.most),
                share=0.25 if options.quick else options.share, say=_say,
            )  # fmt: skip
            _say(f"{name} ({setup})")
            began = time.monotonic()
            try:
                measured = uvloop.run(SCENARIOS[name](bench, setup))
            except Exception as error:  # noqa: BLE001 - one scenario that fails does not cost the others' figures
                _say(f"failed: {type(error).__name__}: {error}")
                rows += report.failed_rows(name, setup, BARS)
                continue
            _say(f"took {time.monotonic() - began:.0f} s")
            result["runs"].append({"scenario": name, **asdict(setup), **asdict(measured)})
            rows += report.rows_of(name, setup, measured, BARS)
            report.write_json(options.json, result, rows)
    sys.stdout.write("\n" + report.table(rows) + "\n")
    if options.docs:
        report.write_docs(ROOT / "docs", result, rows)
    return 1 if any(report.falls_short(row, slack=QUICK_SLACK) for row in rows) else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAMES", help="only these scenarios, with commas")
    parser.add_argument("--list", action="store_true", help="the names of the scenarios")
    parser.add_argument("--server", choices=[*get_args(Server), "both"], default="both")
    parser.add_argument("--database", choices=[*get_args(Database), "both"], default="both")
    parser.add_argument("--rounds", type=int, default=3, help="rounds at least (3)")
    parser.add_argument("--most", type=int, default=6, help="rounds at most, when the medians do not stand (6)")
    parser.add_argument("--share", type=float, default=1.0, help="length of a round, 1 being the usual")
    parser.add_argument("--quick", action="store_true", help="a quick look: few scenarios, short, one round")
    parser.add_argument("--json", type=Path, default=ROOT / "bench.json", help="where the figures go (bench.json)")
    parser.add_argument("--docs", action="store_true", help="write the table and the charts into docs/")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.most = 1, 1
        options.server = "uvicorn" if options.server == "both" else options.server
        options.database = "postgresql" if options.database == "both" else options.database
    return options


def _names(options: argparse.Namespace) -> list[str]:
    if options.only:
        return [name.strip() for name in options.only.split(",")]
    return [name for name in QUICK if name in SCENARIOS] if options.quick else list(SCENARIOS)


def _servers(options: argparse.Namespace) -> Sequence[Server]:
    return get_args(Server) if options.server == "both" else (options.server,)


def _databases(options: argparse.Namespace) -> Sequence[Database]:
    return get_args(Database) if options.database == "both" else (options.database,)


@contextmanager
def _house(*, with_postgres: bool) -> Iterator[House]:
    """PostgreSQL with its disk, Valkey, a folder; stopped and removed at the end."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eag-bench-")))
        database = stack.enter_context(postgres()) if with_postgres else None
        redis_url = stack.enter_context(valkey()).url if with_postgres else ""
        if database is not None:
            lane = {"DATABASE_URL": database.url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET, "BEHIND_TLS": "off"}
            migrate({**os.environ, **lane, "EAGATEWAY_DATA_DIR": str(folder)})
            copy_database(database.url, source=DATABASE, name="migrated")
        yield House(folder, database, redis_url)


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
