"""Tests of the EA's sources. Most need a C++ compiler; without one they are skipped, and one line says so."""

import socket
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import compiler

HERE: Final = Path(__file__).parent
WITHOUT: Final = "no C++ compiler here (install g++, or name one in EAGATEWAY_CXX)"
_SKIPPED: Final = pytest.StashKey[int]()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what would compile."""
    ours = [item for item in items if item.path.is_relative_to(HERE) and item.get_closest_marker("compiles")]
    if ours and compiler() is None:
        config.stash[_SKIPPED] = len(ours)
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=WITHOUT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The line."""
    skipped = config.stash.get(_SKIPPED, 0)
    if skipped:
        terminalreporter.write_line(f"{skipped} tests of the EA skipped: {WITHOUT}")
