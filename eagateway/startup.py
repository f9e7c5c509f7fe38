"""What keeps a process from starting: each cause is one sentence that says what to do, and exit status 2.

A traceback tells an operator where our code stood, not what is wrong with the deployment.
"""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

STATUS: Final = 2
ANSWER_SECONDS: Final = 5


class CannotStart(Exception):
    """Something outside the code is missing or wrong; its text is the sentence for the operator."""


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """End the process with a sentence instead of a traceback when what failed within is known."""
    try:
        yield
    except (CannotStart, ImproperlyConfigured) as error:
        _end(error)
    except DatabaseError as error:
        # A command met it on its way: say what is wrong with the database, if that is what it was.
        try:
            check_database()
        except CannotStart as cause:
            _end(cause)
        raise error


def _end(error: Exception) -> None:
    sys.stderr.write(f"cannot start: {' '.join(str(error).split())}\n")
    sys.exit(STATUS)


def check_database(*, migrates: bool = False) -> None:
    """Whether the database can be used by this release.

    :param migrates: the caller applies what is missing
    :raises CannotStart: it is away, missing, unmigrated or too new
    """
    if connection.vendor == "postgresql":
        _reach_postgresql()
    try:
        _compare_migrations(may_lack=migrates)
    except DatabaseError as error:
        raise CannotStart(f"the database cannot be read: {_first_line(error)}") from error


def _reach_postgresql() -> None:
    """One connection outside the pool, which would wait, and hide the reason."""
    place = connection.settings_dict
    try:
        psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": ANSWER_SECONDS}).close()
    except psycopg.OperationalError as error:
        text = _first_line(error)
        if "does not exist" in text and "database" in text:
            raise CannotStart(
                f"the database {place['NAME']} of DATABASE_URL does not exist. Create it: createdb {place['NAME']}"
            ) from error
        raise CannotStart(
            f"the database of DATABASE_URL cannot be reached ({text}). Is PostgreSQL running, and are host, port, user "
            "and password right?"
        ) from error


def _compare_migrations(*, may_lack: bool) -> None:
    executor = MigrationExecutor(connection)
    loader = executor.loader
    ours = {app for app, _ in loader.disk_migrations}
    newer = sorted(known for known in loader.applied_migrations if known[0] in ours and known not in _known(executor))
    if newer:
        raise CannotStart(
            f"the database is newer than this release ({newer[-1][0]} {newer[-1][1]} is unknown here). Start the "
            "release that migrated it, or restore the backup from before"
        )
    missing = executor.migration_plan(loader.graph.leaf_nodes())
    if missing and not may_lack:
        raise CannotStart(f"the database lacks {len(missing)} migrations. Run: manage.py migrate")


def _known(executor: MigrationExecutor) -> set[tuple[str, str]]:
    """What this release has on disk, and what its squashed migrations replace."""
    disk = executor.loader.disk_migrations
    replaced = {(app, name) for migration in disk.values() for app, name in migration.replaces}
    return {*disk, *replaced}


def check_redis() -> None:
    """Whether Redis answers, where one is set.

    :raises CannotStart: it does not
    """
    if not settings.REDIS_URL:
        return
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (RedisError, ValueError, OSError) as error:
        raise CannotStart(
            f"the Redis of REDIS_URL does not answer ({_first_line(error)}). Start it, correct REDIS_URL, or serve "
            "without it for now, slower by a second: manage.py serve --without-redis"
        ) from error


def migrate() -> None:
    """Bring the data folder's database to this release; processes that start together take turns.

    :raises CannotStart: it is too new
    """
    with (settings.DATA_DIR / "migrate.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        check_database(migrates=True)
        call_command("migrate", verbosity=0, interactive=False)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
