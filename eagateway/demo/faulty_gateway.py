"""`serve` with a bug that the demo has asked for: `python -m eagateway.demo.faulty_gateway FAULT serve ...`.

It starts for the demo only: in the embedded lane, on the folder that the running demo has made for itself.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import django
from django.core.management import execute_from_command_line

FOLDER: Final = "EAGATEWAY_DEMO_FOLDER"


def main(arguments: Sequence[str]) -> None:
    """:raises SystemExit: no demo has started it"""
    folder = os.environ.get(FOLDER)
    if not folder or os.environ.get("EAGATEWAY_DATA_DIR") != folder or "DATABASE_URL" in os.environ:
        raise SystemExit("only `manage.py demo --break ...` starts a faulty gateway")
    fault, *rest = arguments
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    django.setup()
    # What it changes can be imported only now that the apps are loaded.
    importlib.import_module("eagateway.demo.sabotage").FAULTS[fault]()
    execute_from_command_line(["manage.py", *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
