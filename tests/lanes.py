"""One suite, three lanes: a pytest plugin, loaded by `-p tests.lanes`.

embedded    SQLite in a file, in-memory channel layer: what `make demo` runs on
production  PostgreSQL and Valkey, started for this run, or those that DATABASE_URL and REDIS_URL name
browser     the tests marked `browser`, on the embedded lane's database, in a process of their own: Playwright's event
            loop would make Django refuse the ORM to every other test

Plain `pytest` runs each lane in a child process (settings are read once per process) and sums up; `--lane NAME` runs
one.
"""

import os
import re
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from tests import lock_order
from tests.every_lane import REPORT_VARIABLE, Tally, run
from tests.heard import Heard
from tests.lock_faults import LockFaults
from tests.services import NotInstalledError, postgres, valkey
from tests.services.binaries import find_postgres, find_valkey
from tests.services.chromium import VARIABLE, find_chromium
from tests.services.migrated import TEMPLATE_VARIABLE, copy_database, migrate
from tests.services.postgres import DATABASE
from tests.tap import FOLDER_VARIABLE


class Lane(StrEnum):
    EMBEDDED = "embedded"
    PRODUCTION = "production"
    BROWSER = "browser"


ALL: Final = "all"
_RAN_ON: Final = pytest.StashKey[str]()
_WITHOUT_DATABASE: Final = ("tests/unit", "tests/repository", "tests/contract", "tests/ea", "sdk/python/tests")
EVERYTHING: Final = frozenset({"EAGATEWAY_NIGHTLY", "CONFORMANCE_FULL"})
PLAYED_BY_DAY: Final = "mark.also_on_production"
_DATABASE_FIXTURES: Final = frozenset({"db", "transactional_db", "live_server"})
_NEEDS_LANE: Final = re.compile(r"\b(db|django_db|transactional_db|live_server|mark\.lane)\b")
_NO_RUN: Final = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lanes", "what the tests run on")
    group.addoption("--lane", choices=[ALL, *Lane], default=ALL, help="one lane, or all of them in turn (default)")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Before pytest-django reads the settings: prepare this process for its lane, or start one child per lane."""
    options = early_config.known_args_namespace
    if options.lane == ALL and not any(getattr(options, name, None) for name in _NO_RUN):
        raise SystemExit(_run_all(early_config))
    early_config.stash[_RAN_ON] = _enter(Lane.EMBEDDED if options.lane == ALL else Lane(options.lane), early_config)
    return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without a test for this lane are not read: reading all of them costs each worker several seconds."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return True if _has_nothing_for(config.getoption("lane"), collection_path, config.rootpath) else None


def _has_nothing_for(lane: str, path: Path, root: Path) -> bool:
    """By the words in it; when in doubt no, for `_lanes_of` decides about each test."""
    place = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    if lane == Lane.BROWSER:
        return "mark.browser" not in path.read_text(encoding="utf-8")
    if lane != Lane.PRODUCTION:
        return False
    if place.startswith("tests/conformance/"):
        return not (EVERYTHING & os.environ.keys() or PLAYED_BY_DAY in path.read_text(encoding="utf-8"))
    pure = place.startswith(tuple(f"{folder}/" for folder in _WITHOUT_DATABASE))
    return pure and not _NEEDS_LANE.search(path.read_text(encoding="utf-8"))


def not_read(items: Iterable[pytest.Item], root: Path) -> set[str]:
    """Files with a test for a lane that would not read them: the test would run nowhere, and nobody would know."""
    wanted = {(lane, item.path) for item in items for lane in _lanes_of(item)}
    return {f"the {lane} lane does not read {path}" for lane, path in wanted if _has_nothing_for(lane, path, root)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("lane")
    lane = Lane.EMBEDDED if chosen == ALL else Lane(chosen)
    if lane is Lane.EMBEDDED:  # the one that reads every file
        unread = sorted(not_read(items, config.rootpath))
        if unread:
            raise pytest.UsageError(f"{', '.join(unread)}; say `lane` or `django_db` by a mark in the file itself")
    elsewhere = [item for item in items if lane not in _lanes_of(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if lane in _lanes_of(item)]
    if lane is Lane.BROWSER and find_chromium() is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=_no_browser()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A test fails whose transactions have locked rows out of order, also where all else went well."""
    lock_order.WATCH.reported_here = True
    answer = yield
    out_of_order = lock_order.WATCH.taken()
    if out_of_order:
        pytest.fail("locked out of order:\n" + "\n".join(out_of_order), pytrace=False)
    return answer


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what this lane ran on, and leave the counts for the process that runs all lanes."""
    ran_on = config.stash[_RAN_ON]
    terminalreporter.write_line(f"lane {config.getoption('lane')}: {ran_on}")
    report = os.environ.get(REPORT_VARIABLE)
    if report:
        Tally.of(terminalreporter.stats, ran_on=ran_on).write(report)


# Which lane a test belongs to -----------------------------------------------------------------------------------------


def _lanes_of(item: pytest.Item) -> Iterable[Lane]:
    lanes = _at_night(item)
    daily = item.get_closest_marker("daily")
    if daily is None or EVERYTHING & os.environ.keys():
        return lanes
    # A test that runs on none of these lanes anyway runs where it can.
    return [lane for lane in lanes if lane in daily.args] or lanes


def _at_night(item: pytest.Item) -> Iterable[Lane]:
    """Its lanes in the run that leaves nothing out."""
    if item.get_closest_marker("nightly") and not EVERYTHING & os.environ.keys():
        return ()
    if item.get_closest_marker("browser"):
        return (Lane.BROWSER,)
    marker = item.get_closest_marker("lane")
    if marker:
        return tuple(Lane(name) for name in marker.args)
    if _is_same_everywhere(item) or _is_brief_conformance(item):
        return (Lane.EMBEDDED,)
    return (Lane.EMBEDDED, Lane.PRODUCTION)


def _is_brief_conformance(item: pytest.Item) -> bool:
    """The catalogue outside `make conformance`, which runs it on every lane and says so in its environment."""
    return "tests/conformance/" in item.path.as_posix() and "CONFORMANCE_FULL" not in os.environ


def _place(item: pytest.Item) -> str:
    root = item.config.rootpath
    return item.path.relative_to(root).as_posix() if item.path.is_relative_to(root) else ""


def _is_same_everywhere(item: pytest.Item) -> bool:
    """A test of pure code: once is enough."""
    if not _place(item).startswith(tuple(f"{folder}/" for folder in _WITHOUT_DATABASE)):
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is None and not fixtures & _DATABASE_FIXTURES


# What a lane needs ----------------------------------------------------------------------------------------------------


def _enter(lane: Lane, config: pytest.Config) -> str:
    """Prepare the environment that the settings will read; taken down when pytest is done with its configuration."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return ""  # inherited from the process that spreads the tests
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidy up after `kill` as after Ctrl-C
    _keep_bytecode()
    resources = ExitStack()
    config.add_cleanup(resources.close)
    os.environ["EAGATEWAY_DATA_DIR"] = resources.enter_context(tempfile.TemporaryDirectory(prefix="eag-data-"))
    _tap(resources, config)
    os.environ.setdefault("SECRET_KEY", "a secret for the tests and for nothing else, fifty characters long")
    os.environ.setdefault("VAULT_KEYS", f"1:{'A' * 43}=")  # for the production lane, which makes none by itself
    os.environ.setdefault("BEHIND_TLS", "off")
    if lane is Lane.PRODUCTION:
        return _enter_production(resources)
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    if lane is Lane.BROWSER:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        return f"{find_chromium() or _no_browser()}, SQLite {sqlite3.sqlite_version}"
    return f"SQLite {sqlite3.sqlite_version}, in-memory channel layer"


def _keep_bytecode() -> None:
    """Even where Python is told to write none: every worker and every gateway would compile the whole tree again."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def _tap(resources: ExitStack, config: pytest.Config) -> None:
    """Every frame of the processes of this run is written down, and checked when it ends; so is what they lock."""
    folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="eag-frames-"))
    os.environ[FOLDER_VARIABLE] = folder
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.tapped_settings"
    config.pluginmanager.register(Heard(Path(folder)), "frames-heard")
    locks = resources.enter_context(tempfile.TemporaryDirectory(prefix="eag-locks-"))
    os.environ[lock_order.FOLDER_VARIABLE] = locks
    config.pluginmanager.register(LockFaults(Path(locks)), "lock-faults")


def _run_all(config: pytest.Config) -> int:
    lanes: dict[str, str | None] = {
        Lane.EMBEDDED: None,
        Lane.PRODUCTION: _why_no_services(),
        Lane.BROWSER: None if find_chromium() else _no_browser(),
    }
    stop_at_failure = config.known_args_namespace.maxfail == 1
    return run(lanes, arguments=config.invocation_params.args, stop_at_failure=stop_at_failure)


def _why_no_services() -> str | None:
    """Why the production lane cannot run here, or None."""
    try:
        for variable, find in (("DATABASE_URL", find_postgres), ("REDIS_URL", find_valkey)):
            if not os.environ.get(variable):
                find()
    except NotInstalledError as missing:
        return f"{missing}; set DATABASE_URL and REDIS_URL to use servers of your own"
    return None


def _enter_production(resources: ExitStack) -> str:
    missing = _why_no_services()
    if missing:
        raise pytest.UsageError(f"the production lane cannot run: {missing}")
    own = not os.environ.get("DATABASE_URL")
    if own:
        database = resources.enter_context(postgres(durable=False))  # a test that kills one starts its own
        os.environ["DATABASE_URL"] = database.url
        database_is = f"PostgreSQL {database.version} from its wheel"
    else:
        database_is = "the database of DATABASE_URL"
    if not os.environ.get("REDIS_URL"):
        cache = resources.enter_context(valkey())
        os.environ["REDIS_URL"] = cache.url
        redis_is = f"Valkey {cache.version} from its wheel"
    else:
        redis_is = "the Redis of REDIS_URL"
    migrate(os.environ)  # for the gateway processes under test, before several workers start some at the same time
    if own:
        copy_database(os.environ["DATABASE_URL"], source=DATABASE, name="migrated")
        os.environ[TEMPLATE_VARIABLE] = "migrated"  # for the databases of the workers
    return f"{database_is}, {redis_is}"


def _no_browser() -> str:
    return f"no Chromium found (install the package chromium, or name one in {VARIABLE})"
