"""Processes that begin with the libraries read already are like any others: who starts gateways may believe them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services import nursery

TELLS = """
import os, sys
import django.db
print(sys.argv[1:], os.environ["ASKED"], "LEFT" in os.environ, sys.path[0], sorted(os.listdir("/proc/self/fd")))
print(sys.stdin.read(), file=sys.stderr)
sys.exit(7)
"""
WAITS = "import time; print('here', flush=True); time.sleep(600)"
COLLECTS = """
import gc, os
mine = [os.open(os.devnull, os.O_RDONLY) for _ in range(50)]
gc.unfreeze()
gc.collect()
for each in mine:
    os.fstat(each)
"""
OPENS = "import socket; kept = socket.socket()"


@pytest.fixture(autouse=True)
def open_nursery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a run of one worker, and by night."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.delenv("EAGATEWAY_NIGHTLY", raising=False)


def program(folder: Path, text: str) -> str:
    path = folder / "program.py"
    path.write_text(text)
    return str(path)


def test_a_child_has_its_arguments_environment_input_and_status_and_no_file_of_its_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEFT", "in the asking process alone")
    env = {"PATH": os.environ["PATH"], "ASKED": "yes"}
    ran = nursery.run([program(tmp_path, TELLS), "one", "two"], env=env, text="told", timeout=60)
    # the fourth is that of the folder which is being listed
    assert ran.stdout == f"['one', 'two'] yes False {tmp_path} ['0', '1', '2', '3']\n"
    assert (ran.stderr, ran.returncode) == ("told\n", 7)


def test_a_killed_child_tells_the_signal_and_a_late_one_runs_on(tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w") as errors:
        child = nursery.begin([program(tmp_path, WAITS)], env=os.environ, stderr=errors)
    assert isinstance(child, nursery.Nursling)
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=0)
    assert child.poll() is None
    child.kill()
    assert child.wait(timeout=60) == -signal.SIGKILL
    assert child.poll() == -signal.SIGKILL
    child.send_signal(signal.SIGTERM)  # nobody's process any more
    child.stdout.close()


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[nursery.Nursling] = []
    asked = nursery._ask

    def ask(*request: Any) -> nursery.Nursling:
        made.append(asked(*request))
        return made[-1]

    monkeypatch.setattr(nursery, "_ask", ask)
    with pytest.raises(subprocess.TimeoutExpired):
        nursery.run([program(tmp_path, WAITS)], env=os.environ, timeout=0)
    assert [each.returncode for each in made] == [-signal.SIGKILL]


def test_a_library_that_opens_a_file_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children would share the file, as they would an event loop."""
    (tmp_path / "opens_a_socket.py").write_text(OPENS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ["DJANGO_SETTINGS_MODULE"])
    with pytest.raises(RuntimeError, match="all children would share it"):
        nursery._load(["opens_a_socket"])
    sys.modules.pop("opens_a_socket").kept.close()


def test_who_gives_the_interpreter_a_path_of_its_own_gets_a_plain_process(tmp_path: Path) -> None:
    """The nursery's began without it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "found_by_path.py").write_text("")
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "elsewhere")}
    assert nursery.run([program(tmp_path, "import found_by_path")], env=env, timeout=60).returncode == 0


def test_nothing_of_the_nursery_closes_a_childs_files(tmp_path: Path) -> None:
    """What it held of others was closed once more when it was collected; the number was a connection by then."""
    held = tmp_path / "held.py"
    held.write_text(WAITS)
    with (tmp_path / "errors").open("w") as errors:
        others = [nursery.begin([str(held)], env=os.environ, stderr=errors) for _ in range(3)]
    ran = nursery.run([program(tmp_path, COLLECTS)], env=os.environ, timeout=60)
    assert (ran.stderr, ran.returncode) == ("", 0)
    for other in others:
        other.kill()
        other.wait(timeout=60)
        assert other.stdout is not None
        other.stdout.close()
