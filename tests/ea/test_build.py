"""Workers that build the same, and builders that die. The compiler is a script here."""

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import compile_once

PATIENCE: Final = 30.0
OUT: Final = 'while [ "$1" != -o ]; do shift; done\n'
BUILDER: Final = """
import sys
from pathlib import Path
from ea.host.build import compile_once
compile_once(Path(sys.argv[1]), [])
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """What is to be made, in a folder of its own."""
    folder = tmp_path / "built"
    folder.mkdir()
    return folder / "program.run"


def compiler_is(script: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `$2` in the script be where the result goes."""
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{OUT}{script}\n")
    path.chmod(0o755)
    patch.setenv("EAGATEWAY_CXX", str(path))


def test_of_two_workers_that_build_the_same_one_compiles_and_the_other_takes_it(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gate = threading.Semaphore(0), tmp_path / "gate"
    really = fcntl.flock

    def locked(file: int, how: int) -> None:
        asked.release()
        really(file, how)

    monkeypatch.setattr(fcntl, "flock", locked)
    script = f"echo once >> {tmp_path}/calls; while [ ! -e {gate} ]; do :; done; echo whole > $2"
    compiler_is(script, tmp_path, monkeypatch)
    with ThreadPoolExecutor(2) as hands:
        done = [hands.submit(compile_once, target, []) for _ in range(2)]
        both_asked = all(asked.acquire(timeout=PATIENCE) for _ in done)
        gate.touch()
        assert both_asked, "a worker compiles without asking"
        for one in done:
            one.result(PATIENCE)
    assert (tmp_path / "calls").read_text() == "once\n"
    assert target.read_text() == "whole\n"


def test_of_a_builder_that_is_killed_nothing_is_used_and_the_next_one_builds(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler_is("echo half > $2; kill -9 $PPID", tmp_path, monkeypatch)
    done = subprocess.run([sys.executable, "-c", BUILDER, str(target)], timeout=PATIENCE, check=False)
    assert done.returncode == -9
    assert [path.read_text() for path in target.parent.glob("*.draft/made")] == ["half\n"]
    assert not target.exists()
    compiler_is("echo whole > $2", tmp_path, monkeypatch)
    compile_once(target, [])
    assert target.read_text() == "whole\n"
    assert list(target.parent.glob("*.draft")) == []
