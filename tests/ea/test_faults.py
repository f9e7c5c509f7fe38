"""The named faults of `make ea-mutants`, which runs at night: by day each still stands in the line that it spoils."""

from pathlib import Path
from typing import Final

import pytest

from tests.ea.mutants.faults import FAULTS, Fault

CORE: Final = Path("ea/core")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_named_fault_has_its_line_and_its_test(fault: Fault, request: pytest.FixtureRequest) -> None:
    root = request.config.rootpath
    assert fault.before in (root / CORE / fault.file).read_text(encoding="utf-8")
    path, _, name = fault.test.partition("::")  # one names a file alone
    assert f"def {name.partition('[')[0]}" in (root / path).read_text(encoding="utf-8")
