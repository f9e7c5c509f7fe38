"""`make million`: every page over a million commands and two thousand accounts, on a PostgreSQL of its own.

python -m tests.million                     a line for each page, the slowest first; status 1 if one is over a bound
python -m tests.million --commands 100000   with fewer
python -m tests.million --only admin:       those whose name begins so, with each statement of theirs
"""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Sequence

import django

from tests.services import postgres
from tests.services.migrated import migrate


def main(arguments: Sequence[str]) -> int:
    """Fill, walk, judge."""
    parser = argparse.ArgumentParser(prog="tests.million", description=__doc__)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    os.environ.setdefault("SECRET_KEY", "a secret for the tests and for nothing else, fifty characters long")
    os.environ.setdefault("VAULT_KEYS", f"1:{'A' * 43}=")
    os.environ["BEHIND_TLS"] = "off"
    os.environ["DJANGO_SETTINGS_MODULE"] = "eagateway.settings"
    os.environ["LOG_LEVEL"] = "ERROR"
    os.environ.pop("REDIS_URL", None)
    with tempfile.TemporaryDirectory(prefix="eag-million-") as folder, postgres(durable=False) as database:
        os.environ["EAGATEWAY_DATA_DIR"] = folder
        os.environ["DATABASE_URL"] = database.url
        migrate(os.environ)
        django.setup()
        logging.disable(logging.CRITICAL)
        # What touches models stands in modules of its own: Django must be there before them.
        from tests.million import walk  # noqa: PLC0415

        return walk.over(options.commands, only=options.only)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
