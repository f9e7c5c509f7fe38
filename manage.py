#!/usr/bin/env python
"""Django's command line for this project. What keeps a command from starting is one sentence, and status 2."""

import os
import sys

from django.core.management import execute_from_command_line

from eagateway import startup

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    with startup.in_one_sentence():
        if not startup.runs_without_settings(sys.argv):
            execute_from_command_line(sys.argv)
