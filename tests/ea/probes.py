"""Runs the small programs of tests/ea/programs: files in, a process, files out."""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ea.host.build import CORE, SOURCES, Options, build

PROGRAMS: Final = Path(__file__).parent / "programs"
SECONDS: Final = 120


@cache
def built(name: str) -> Path:
    """The executable, with the sanitizers; once per run."""
    language = 5 if (PROGRAMS / f"{name}.mq5").exists() else 4
    folders = (CORE, SOURCES / f"mql{language}")
    return build(PROGRAMS / f"{name}.mq{language}", Options(language=language, sanitized=True), folders=folders)


def run(name: str, folder: Path, *, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in this folder. What a sanitizer finds fails the test."""
    program = built(name)
    given = {**os.environ, "MQL_DATA": str(folder), **(environment or {})}
    done = subprocess.run([program], env=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "Sanitizer" not in done.stderr, done.stderr
    assert "runtime error" not in done.stderr, done.stderr
    return done
