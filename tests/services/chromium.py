"""The browser of the machine: the tests download none."""

import os
import shutil
from typing import Final

VARIABLE: Final = "EAGATEWAY_CHROMIUM"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get(VARIABLE)
    candidates = (named,) if named else _NAMES
    return next((path for name in candidates if (path := shutil.which(name))), None)


def launch_arguments() -> list[str]:
    """Switches for a browser that talks to the server under test and to nobody else."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
    return [*_QUIET, *as_root]
