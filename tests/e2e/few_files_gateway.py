"""`manage.py` in a system that lets a process open 1,024 files and no more."""

import os
import resource
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    execute_from_command_line(sys.argv)
