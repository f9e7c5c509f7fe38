"""Tests of the EA's sources. Most need a C++ compiler; without one they are skipped, and one line says so."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import compiler
from tests.ea.gateways import AnyGateway
from tests.ea.seats import ACCOUNT, FOLLOWER_ONLY, KEY, PLATFORMS, Clock, Seat

HERE: Final = Path(__file__).parent
WITHOUT: Final = "no C++ compiler here (install g++, or name one in EAGATEWAY_CXX)"
_SKIPPED: Final = pytest.StashKey[int]()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    """Both, one after the other."""
    return str(request.param)


@pytest.fixture
def gateway() -> Iterator[AnyGateway]:
    """One that answers what a test says."""
    one = AnyGateway()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def bare_seat(nowhere: str, tmp_path: Path, platform: str) -> Iterator[Seat]:
    """A terminal with the inputs that all have."""
    with Seat(nowhere, ACCOUNT, KEY, tmp_path / "one", platform=platform) as one:
        yield one


@pytest.fixture
def follower_seat(bare_seat: Seat) -> Seat:
    """A follower's terminal, at an account in which nothing was traded yet."""
    bare_seat.inputs = {"Role": FOLLOWER_ONLY}
    bare_seat.broker.book.next_ticket = 100
    return bare_seat


@pytest.fixture
def clock() -> Clock:
    """The time of `seat`'s broker, which stands still unless it is set."""
    return Clock()


@pytest.fixture
def seat(follower_seat: Seat, clock: Clock) -> Seat:
    """A follower's terminal, whose broker has a clock of his own."""
    follower_seat.broker.clock = clock
    return follower_seat


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
