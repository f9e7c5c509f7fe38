"""A gateway with wide bounds for the fuzzers, in a process of its own."""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.gateway import Gateway

# Two servers by two databases: CI takes one of the four, for each takes minutes.
LANES: Final = ("embedded", "production") if "EAGATEWAY_NIGHTLY" in os.environ else ("embedded",)
WIDE: Final = {
    "FRAMES_PER_SECOND": "10000",
    "FRAME_BURST": "100000",
    "HEARTBEAT_TIMEOUT_SECONDS": "600",
    "HEARTBEAT_INTERVAL_SECONDS": "60",
    "PENDING_FRAMES_PER_MINUTE": "10000",
    "REST_PER_ADDRESS_PER_MINUTE": "1000000",
    "REST_PER_SESSION_PER_MINUTE": "1000000",
    "MANAGEMENT_PER_TOKEN_PER_MINUTE": "1000000",
    "TENANTS_ENROL": "on",
    "SESSIONS_PER_MINUTE": "10000",
    "UNKNOWN_KEYS_PER_MINUTE": "10000",
}


@pytest.fixture(scope="module", params=["daphne", pytest.param("uvicorn", marks=pytest.mark.nightly)])
def wide_gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("wide"), spare=2, server=request.param, **WIDE).start()
    yield gateway
    gateway.end()
