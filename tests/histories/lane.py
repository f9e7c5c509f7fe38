"""The databases of the histories' workers: each has one of its own, migrated once and copied."""

import gc
import importlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import django
from django.conf import settings

from tests.databases import STATEMENTS
from tests.services import postgres
from tests.services.migrated import copy_database, migrate, migrated_file
from tests.services.postgres import DATABASE

TEMPLATE: Final = "migrated"
IN_MEMORY: Final = Path("/dev/shm")


@contextmanager
def prepared(*, production: bool) -> Iterator[Path]:
    """An environment in which `enter` may be called by forked workers; a folder of theirs, in memory if can be."""
    os.environ.setdefault("SECRET_KEY", "a secret for the tests and for nothing else, fifty characters long")
    os.environ.setdefault("BEHIND_TLS", "off")
    os.environ["DJANGO_SETTINGS_MODULE"] = "eagateway.settings"
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    where = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="eag-histories-", dir=where) as folder:
        os.environ["EAGATEWAY_DATA_DIR"] = folder
        if not production:
            migrated_file()
            yield Path(folder)
            return
        with postgres(durable=False) as database:
            os.environ["DATABASE_URL"] = database.url
            migrate(os.environ)
            copy_database(database.url, source=DATABASE, name=TEMPLATE)
            yield Path(folder)


def enter(folder: Path) -> None:
    """Let this process have a database of its own, and Django."""
    mine = folder / str(os.getpid())
    mine.mkdir()
    os.environ["EAGATEWAY_DATA_DIR"] = str(mine)
    if "DATABASE_URL" in os.environ:
        name = f"histories_{os.getpid()}"
        copy_database(os.environ["DATABASE_URL"], source=TEMPLATE, name=name)
        os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].replace(f"/{DATABASE}?", f"/{name}?")
    else:
        shutil.copyfile(migrated_file(), mine / "gateway.sqlite3")
    os.environ["LOG_LEVEL"] = "CRITICAL"
    django.setup()
    logging.disable(logging.CRITICAL)
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "init_command" in options:  # a power cut is none of a history's troubles
        options["cached_statements"] = STATEMENTS
        options["init_command"] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"
    # Only now: models need their apps.
    importlib.import_module("tests.histories.history")
    collect_seldom()


def collect_seldom() -> None:
    """A tenth of a history's time went into looking at what never goes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
