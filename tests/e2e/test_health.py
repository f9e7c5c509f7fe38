"""What a load balancer asks: whether the process answers, and whether it can work. By address, over plain HTTP."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eagateway import health
from sessions_app.services.ingest import full_disk
from tests.e2e.database import Database
from tests.e2e.gateway import PATIENCE, Gateway

PARTS = {"database", "migrations", "disk", "redis", "worker", "beat"}


def ask(gateway: Gateway, path: str) -> tuple[int, Any]:
    """The answer to somebody who calls by a name that we do not serve; a redirect is not followed."""
    answer = httpx.get(f"{gateway.url}/{path}", headers={"Host": "10.0.0.7"}, timeout=PATIENCE)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


@pytest.fixture(params=["daphne", "uvicorn"])
def behind_tls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, server=request.param, BEHIND_TLS="on").start()
    yield gateway
    gateway.end(signal.SIGKILL)


@pytest.mark.lane("embedded")
def test_health_is_told_to_any_host_without_tls_and_every_part_is_named(behind_tls: Gateway) -> None:
    assert ask(behind_tls, "healthz") == (200, {"status": "ok"})
    until = time.monotonic() + PATIENCE
    while (told := ask(behind_tls, "readyz"))[1]["status"] != "ok" and time.monotonic() < until:
        pass  # the worker and beat have just begun
    assert told == (200, {"status": "ok", **dict.fromkeys(PARTS, "ok")})
    assert httpx.post(f"{behind_tls.url}/healthz").status_code == 405
    assert httpx.get(f"{behind_tls.url}/admin/").status_code == 301, "everything else is led to TLS"


@pytest.mark.lane("production")
def test_what_is_away_is_named_and_only_the_database_ends_readiness(tmp_path: Path) -> None:
    database = Database.begin("health")
    gateway = Gateway(tmp_path, DATABASE_URL=database.url, BEHIND_TLS="on").start()
    try:
        status, told = ask(gateway, "readyz")
        assert (status, told["status"]) == (200, "degraded"), "no worker and no beat run here"
        assert {name for name in PARTS if told[name] == "late"} == {"worker", "beat"}
        database.take_away()
        status, told = ask(gateway, "readyz")
        assert (status, told["status"], told["database"]) == (503, "away", "away")
        assert ask(gateway, "healthz") == (200, {"status": "ok"})
        assert not gateway.log_has("Traceback")
        database.bring_back()
        until = time.monotonic() + PATIENCE
        while (status := ask(gateway, "readyz")[0]) != 200 and time.monotonic() < until:
            pass
        assert status == 200
    finally:
        gateway.end(signal.SIGKILL)


@pytest.mark.lane("production")
def test_a_gateway_without_its_redis_is_degraded_and_ready(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, arguments=["--without-redis"], REDIS_URL="redis://127.0.0.1:1/0").start()
    try:
        status, told = ask(gateway, "readyz")
        assert (status, told["status"], told["redis"], told["database"]) == (200, "degraded", "away", "ok")
    finally:
        gateway.end(signal.SIGKILL)


@pytest.mark.lane("embedded")
def test_a_disk_that_refused_a_frame_or_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert health._disk() == "ok"
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 1 << 60)
    assert health._disk() == "full"
    monkeypatch.undo()
    monkeypatch.setattr(full_disk, "_full", {full_disk.SUBJECT})
    assert health._disk() == "full"
