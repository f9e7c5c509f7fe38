#!/usr/bin/env python
"""Django's command line for this project. What keeps a command from starting is one sentence, and status 2."""

import os
import sys
from typing import Final

from django.core.management import execute_from_command_line

from eagateway import startup
from eagateway.management.commands import key, secret

# They make what the settings ask for, so they cannot wait for it.
WITHOUT_SETTINGS: Final = {"key": key.Command, "secret": secret.Command}


def main(arguments: list[str]) -> None:
    """Run one command."""
    command = WITHOUT_SETTINGS.get(arguments[1]) if len(arguments) > 1 else None
    if command is not None:
        command().run_from_argv(arguments)
        return
    with startup.in_one_sentence():
        execute_from_command_line(arguments)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    main(sys.argv)
