"""Gateways for the tests of the wire: two that the tests share, and one that a test may kill."""

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import PREPARED, Gateway, drop_sockets


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A patient gateway, shared by the tests that only talk to it."""
    patience = {"HEARTBEAT_TIMEOUT_SECONDS": "60", "UNKNOWN_KEYS_PER_MINUTE": "1000"}
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), spare=15, **patience).start()
    yield gateway
    gateway.end()


@pytest.fixture(scope="session")
def quick_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that expects a heartbeat every second, and logs everything."""
    quick = {"HEARTBEAT_INTERVAL_SECONDS": "1", "HEARTBEAT_TIMEOUT_SECONDS": "3", "LOG_LEVEL": "INFO"}
    gateway = Gateway(tmp_path_factory.mktemp("quick"), spare=PREPARED, **quick).start()
    yield gateway
    gateway.end()


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that a test may kill."""
    gateway = Gateway(tmp_path, HEARTBEAT_TIMEOUT_SECONDS="30").start()
    yield gateway
    gateway.end(signal.SIGKILL)


@pytest.fixture
async def sockets() -> AsyncIterator[None]:
    """No socket outlives its test."""
    yield
    drop_sockets()
