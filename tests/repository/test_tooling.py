"""The tools around the code: what installs it, what checks it, what its tests run on."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import psycopg
import pytest
import redis
import yaml

from tests import lanes
from tests.durations import Spent
from tests.every_lane import Closing, Tally
from tests.services import NotInstalledError, postgres, valkey

ROOT: Final = Path(__file__).resolve().parents[2]
_PIN: Final = re.compile(r"^([a-z0-9-]+)==\S+", re.MULTILINE)
_NAME: Final = re.compile(r"^[A-Za-z0-9-]+")


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _direct_dependencies() -> list[str]:
    project = _project()
    return [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["production"],
        *project["dependency-groups"]["dev"],
    ]


def _hooks() -> list[dict[str, Any]]:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    return [hook for repo in repos for hook in repo["hooks"]]


# The lock ----------------------------------------------------------------------------------------------------------


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for dependency in _direct_dependencies():
        line = next(line for line in lines if line.strip().startswith(f'"{dependency}"'))
        assert "# " in line, f"{dependency} has no reason beside it"


def test_every_dependency_is_in_the_lock() -> None:
    pinned = set(_PIN.findall((ROOT / "requirements.lock").read_text()))
    wanted = {match[0].lower() for name in _direct_dependencies() if (match := _NAME.match(name))}
    assert wanted <= pinned


def test_every_pin_has_a_hash_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    for block in re.split(r"\n(?=\S)", lock):
        assert "--hash=sha256:" in block, block.splitlines()[0]


# Set-up and checks -------------------------------------------------------------------------------------------------


# It builds three environments, half a minute; each run of CI sets up a fresh clone by itself.
@pytest.mark.nightly
def test_setting_up_twice_builds_once_and_a_changed_lock_builds_again(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    lock = tmp_path / "requirements.lock"
    lock.write_text("")  # nothing to download: the environment itself is what is tried

    assert "creating .venv" in _set_up(tmp_path)
    assert _set_up(tmp_path) == ""
    lock.write_text("# changed\n")
    assert "ready" in _set_up(tmp_path)
    (tmp_path / ".venv" / ".installed").unlink()  # as an interrupted run leaves it
    assert "creating .venv" in _set_up(tmp_path)


def _set_up(root: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root)}
    command = ["sh", str(root / "deploy" / "bootstrap.sh")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr


def test_every_target_that_needs_the_environment_sets_it_up_and_is_in_the_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):(.*)$", makefile, re.MULTILINE)
    assert {name for name, _ in targets} >= {
        "setup",
        "demo",
        "serve",
        "test",
        "check",
        "lock",
        "schemas",
        "help",
        "clean",
    }
    for name, rest in targets:
        assert " ## " in rest, f"make help says nothing about {name}"
        assert name in {"help", "setup", "clean"} or rest.split("##")[0].split() == ["setup"]


def test_the_hooks_run_the_locked_tools_over_the_whole_tree() -> None:
    for hook in _hooks():
        assert hook["language"] == "system"
        if hook.get("stages") == ["commit-msg"]:
            continue  # it is handed the message, and needs no tool of ours
        assert hook["entry"].startswith(".venv/bin/"), "found without a PATH"
        assert hook["pass_filenames"] is False


@pytest.mark.parametrize(
    ("lines", "message", "code"),
    [
        (21, "Add a thing\n", 1),
        (21, "Add a thing\n\n# Please enter the commit message\n", 1),
        (21, "Add a thing\n\nWithout it nobody could.\n", 0),
        (20, "Add a small thing\n", 0),
    ],
)
def test_a_commit_of_more_than_twenty_lines_says_why(lines: int, message: str, code: int, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "file").write_text("line\n" * lines)
    subprocess.run(["git", "add", "file"], cwd=tmp_path, check=True)
    said = tmp_path / "message"
    said.write_text(message)
    ended = subprocess.run(
        [ROOT / ".ci/commit-message", said], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "only a title" in ended.stderr) == (code, bool(code))


# Lanes -------------------------------------------------------------------------------------------------------------


def test_the_last_line_of_a_run_is_the_sum_of_its_lanes(capsys: pytest.CaptureFixture[str]) -> None:
    closing = Closing()
    closing.add("embedded", tally=Tally(5, 0, 1, "SQLite"), code=0, seconds=1.0)
    closing.add("production", tally=Tally(4, 1, 0, "PostgreSQL"), code=1, seconds=2.0)
    closing.skip("browser", reason="no Chromium found")
    closing.show()

    shown = capsys.readouterr().out.splitlines()
    assert "  browser: skipped, no Chromium found" in shown
    assert shown[-1] == "9 passed, 1 failed, 1 skipped"
    assert closing.code == 1


def test_a_run_says_where_its_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    closing = Closing()
    spent = {"tests/unit": Spent(tests=2, seconds=1.0), "tests/e2e": Spent(tests=1, seconds=3.0)}
    closing.add("embedded", tally=Tally(3, folders=spent), code=0, seconds=2.0)
    closing.add("production", tally=Tally(1, folders={"tests/e2e": Spent(tests=1, seconds=4.0)}), code=0, seconds=4.0)
    closing.show()

    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "embedded 3 tests 4.0 s 50.0 %" in shown
    slowest, next_one = "tests/e2e 1 tests 3.0 s 75.0 %", "tests/unit 2 tests 1.0 s 25.0 %"
    assert shown.index(next_one) == shown.index(slowest) + 1
    assert "tests/e2e 1 tests 4.0 s 100.0 %" in shown


def test_a_lane_that_breaks_down_counts_as_a_failure() -> None:
    closing = Closing()
    closing.add("embedded", tally=Tally(), code=-9, seconds=1.0)
    assert closing.tallies == [Tally(failed=1)]
    assert closing.code == -9


def test_a_lane_without_tests_is_fine_unless_every_lane_is_without() -> None:
    closing = Closing()
    closing.add("embedded", tally=Tally(), code=5, seconds=1.0)
    assert closing.code == pytest.ExitCode.NO_TESTS_COLLECTED
    closing.add("production", tally=Tally(passed=1), code=0, seconds=1.0)
    assert closing.code == pytest.ExitCode.OK


# Services ----------------------------------------------------------------------------------------------------------


def test_postgres_keeps_what_was_committed_before_a_kill() -> None:
    try:
        with postgres() as database:
            with psycopg.connect(database.url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
            database.kill()
            database.start()
            with psycopg.connect(database.url) as connection:
                assert connection.execute("SELECT number FROM kept").fetchall() == [(42,)]
    except NotInstalledError as missing:
        pytest.skip(str(missing))


def test_valkey_comes_back_empty_at_the_same_address_after_a_kill() -> None:
    try:
        with valkey() as cache:
            address = cache.url
            with redis.Redis.from_url(address) as client:
                client.set("doorbell", "rung")
            cache.kill()
            cache.start()
            with redis.Redis.from_url(address) as client:
                assert client.dbsize() == 0
    except NotInstalledError as missing:
        pytest.skip(str(missing))


def test_a_file_that_a_lane_should_read_and_does_not_is_named(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = request.config.rootpath
    marked = [SimpleNamespace(path=root / "tests/unit/test_rows.py", get_closest_marker=_mark("lane", "production"))]
    items = cast("list[pytest.Item]", marked)
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: "@pytest.mark.lane('production')")
    assert lanes.not_read(items, root) == set()
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: "its mark comes from somewhere else")
    assert lanes.not_read(items, root) == {f"the production lane does not read {root}/tests/unit/test_rows.py"}


@pytest.mark.parametrize("variable", sorted(lanes.EVERYTHING))
def test_cases_that_the_ea_plays_are_read_on_production_if_one_is_marked_and_all_of_them_by_night(
    variable: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = request.config.rootpath / "tests/conformance/test_cases.py"
    item = SimpleNamespace(path=path, get_closest_marker=_mark("lane", "production"))
    items = cast("list[pytest.Item]", [item])
    for name in lanes.EVERYTHING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: "@pytest.mark.also_on_production")
    assert lanes.not_read(items, request.config.rootpath) == set()
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: "no mark")
    assert lanes.not_read(items, request.config.rootpath) == {f"the production lane does not read {path}"}
    monkeypatch.setenv(variable, "1")
    assert lanes.not_read(items, request.config.rootpath) == set()


def _mark(name: str, *args: str) -> Callable[[str], pytest.Mark | None]:
    return lambda asked: pytest.Mark(name, args, {}) if asked == name else None
