"""A disk that is really full, below a gateway at work: EAs and `/readyz` are told, nothing acknowledged is lost."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e.gateway import DATABASE, Gateway, RawEa
from tests.services.binaries import NotInstalledError
from tests.services.migrated import migrate
from tests.services.postgres import Postgres
from tests.services.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.usefixtures("sockets")
Ask = Callable[[str], Sequence[Any]]
PATIENCE = 60.0
TRIES = 3000


@pytest.fixture(
    params=[
        pytest.param("SQLite", marks=pytest.mark.lane("embedded")),
        pytest.param("PostgreSQL", marks=[pytest.mark.lane("production"), pytest.mark.nightly]),
    ]
)
def disk(request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    # More than what /readyz takes for nearly full (64 MiB), and room for a new cluster.
    try:
        with small_disk(100 if request.param == "SQLite" else 200) as made:
            yield made
    except NotInstalledError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def deployment(request: pytest.FixtureRequest, disk: SmallDisk, tmp_path: Path) -> Iterator[tuple[Gateway, Ask]]:
    """A gateway whose database lies on the disk, and who asks that database."""
    patient: dict[str, Any] = {"HEARTBEAT_TIMEOUT_SECONDS": "300"}
    if request.node.get_closest_marker("lane").args == ("embedded",):
        yield Gateway(disk.folder, **patient), lambda question: ask_file(disk.folder / DATABASE, question)
        return
    cluster = disk.folder / "server"
    cluster.mkdir()
    disk.folder.chmod(0o755)
    server = Postgres.create(cluster, durable=True)
    try:
        server.start()
        gateway = Gateway(tmp_path, DATABASE_URL=server.url, **patient)
        migrate(gateway.environment)
        yield gateway, lambda question: ask_server(server.url, question)
    finally:
        server.stop()


def ask_file(file: Path, question: str) -> Sequence[Any]:
    connection = sqlite3.connect(file, timeout=20)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def ask_server(url: str, question: str) -> Sequence[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
async def at_work(deployment: tuple[Gateway, Ask]) -> AsyncIterator[tuple[RawEa, RawEa]]:
    gateway, _ = deployment
    await asyncio.to_thread(gateway.start)
    cast = (await asyncio.to_thread(gateway.provision_many, [[{}]]))[0]
    yield await cast.ea(0), await cast.ea(1)
    gateway.end(signal.SIGKILL)


async def test_eas_hear_of_a_full_disk_and_go_on_when_there_is_room(
    at_work: tuple[RawEa, RawEa], deployment: tuple[Gateway, Ask], disk: SmallDisk
) -> None:
    (master, follower), (gateway, ask) = at_work, deployment
    await master.buy(1)
    await master.acked(1)
    assert readiness(gateway)[0] == 200
    disk.fill()
    refused, frame_id = await buy_until_refused(master)
    assert ready_within(gateway, 503)["disk"] == "full"
    assert refused not in [row[0] for row in ask("SELECT position_id FROM orders_intent")]
    disk.give_room()
    await again(master, refused, frame_id)
    await follower.commands(refused)
    assert ready_within(gateway, 200)["disk"] == "ok"
    assert [row[0] for row in ask("SELECT code FROM sessions_app_operatoralert WHERE code = 'disk_full'")]
    await asyncio.to_thread(gateway.end, signal.SIGKILL)
    told = {frame["payload"]["position_id"] for frame in follower.seen if frame["type"] == "OrderCommand"}
    stored = [row[0] for row in ask("SELECT position_id FROM orders_intent ORDER BY position_id")]
    assert stored == sorted(told) == list(range(1, refused + 1))


async def buy_until_refused(master: RawEa) -> tuple[int, str]:
    """Trade into the full disk, one at a time: the first number that is refused, and its frame."""
    for number in range(2, TRIES):
        frame_id = await master.buy(number)
        if await answered(master, number) == "try_later":
            return number, frame_id
    raise AssertionError("it never was full")


async def again(master: RawEa, number: int, frame_id: str) -> None:
    """The same frame, until it is taken."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        master.seq = number - 1
        await master.buy(number, frame_id=frame_id)
        if await answered(master, number) == "acked":
            return
    raise AssertionError("it was refused although there is room")


async def answered(ea: RawEa, number: int) -> str:
    """What comes first: that the number is acknowledged, or an error about it."""
    while True:
        frame = await ea.hear_any()
        if (frame.get("ack") or 0) >= number:
            return "acked"
        if frame["type"] == "ErrorAlert":
            return str(frame["payload"]["code"])


def readiness(gateway: Gateway) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{gateway.url}/readyz", timeout=20)
    return answer.status_code, answer.json()


def ready_within(gateway: Gateway, status: int) -> dict[str, str]:
    """What `/readyz` says as soon as it has this status."""
    until = time.monotonic() + PATIENCE
    while (told := readiness(gateway))[0] != status and time.monotonic() < until:
        time.sleep(0.2)
    assert told[0] == status
    return told[1]
