"""`manage.py serve` with a bug of ours: intents for the symbol POISON cannot be applied."""

import os
import sys
from typing import Any

import django

sys.path.insert(0, os.getcwd())
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
django.setup()

from django.core.management import execute_from_command_line  # noqa: E402 - the apps must be loaded first

from orders.services.intents import order_intents  # noqa: E402 - the apps must be loaded first

_taken = order_intents._take


def choke(arrival: Any, workspace: Any) -> None:
    """Apply an intent, unless it is poisoned."""
    if getattr(arrival.payload, "symbol", "") == "POISON":
        raise ValueError("a bug of ours")
    _taken(arrival, workspace)


order_intents._take = choke
execute_from_command_line(sys.argv)
