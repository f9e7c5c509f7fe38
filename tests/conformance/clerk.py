"""Answers calls, one JSON object a line, with the functions of `tests.conformance.rows`: see `house.Clerk`."""

import json
import os
import sys
import traceback
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
django.setup()

from tests.conformance import rows  # noqa: E402 - the models must be loaded first


def answer(line: str) -> dict[str, Any]:
    asked = json.loads(line)
    try:
        return {"result": getattr(rows, asked["name"])(**asked["arguments"])}
    except Exception:  # noqa: BLE001 - the test shall see it
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    replies, sys.stdout = sys.stdout, sys.stderr  # what the project prints is no answer
    for line in sys.stdin:
        replies.write(json.dumps(answer(line), default=str) + "\n")
        replies.flush()
