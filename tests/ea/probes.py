"""Runs the small programs of tests/ea/programs: files in, a process, files out."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ea.host.build import Options, build

PROGRAMS: Final = Path(__file__).parent / "programs"
SECONDS: Final = 120


def run(name: str, folder: Path, *, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Build a program with the sanitizers and run it in this folder; every error of theirs is an assertion here."""
    program = build(PROGRAMS / f"{name}.mq4", Options(sanitized=True))
    given = {**os.environ, "MQL_DATA": str(folder), **(environment or {})}
    done = subprocess.run([program], env=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "Sanitizer" not in done.stderr, done.stderr
    assert "runtime error" not in done.stderr, done.stderr
    return done
