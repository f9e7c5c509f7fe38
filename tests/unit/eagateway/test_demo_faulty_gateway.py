"""A gateway with a bug starts for the demo, and for nobody else."""

from pathlib import Path

import pytest

from eagateway.demo.faulty_gateway import FOLDER, main
from eagateway.demo.run import BREAKS
from eagateway.demo.sabotage import FAULTS


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {FOLDER: "", "EAGATEWAY_DATA_DIR": ""},
        {FOLDER: "{tmp}"},
        {FOLDER: "{tmp}", "EAGATEWAY_DATA_DIR": "{tmp}/another"},
        {FOLDER: "{tmp}", "EAGATEWAY_DATA_DIR": "{tmp}", "DATABASE_URL": "postgres://db.internal/gateway"},
    ],
)
def test_nobody_but_the_demo_starts_a_gateway_with_a_bug(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str]
) -> None:
    for name in (FOLDER, "EAGATEWAY_DATA_DIR", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    with pytest.raises(SystemExit, match="only"):
        main(["ratio", "serve"])


def test_every_bug_can_be_asked_for() -> None:
    assert set(FAULTS) < set(BREAKS)
    assert set(FAULTS) == {"ratio", "never-close", "ten-times", "no-stops", "deny-all", "extra-open"}
