"""`/healthz`: this process answers. `/readyz`: so does what it works with, each part named.

Both stand before Django: a load balancer calls by address, over plain HTTP, and must hear the truth also when the
settings or the database are what is wrong.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from sessions_app.services.ingest import full_disk
from sessions_app.services.operations import ticks

LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
ANSWER_SECONDS: Final = 4
_HEADERS: Final = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_log = structlog.get_logger(__name__)
Send = Callable[[dict[str, Any]], Any]


async def healthz(scope: Mapping[str, Any], receive: Any, send: Send) -> None:
    """200 as long as this process answers at all."""
    await _answer(scope, send, 200, {"status": "ok"})


async def readyz(scope: Mapping[str, Any], receive: Any, send: Send) -> None:
    """200 `ok` or `degraded` (slower, never wrong), or 503 `away`: no frame can be stored here now."""
    names = (*_NEEDED, *_HELPERS)
    found = dict(zip(names, await asyncio.gather(*(_found(name) for name in names)), strict=True))
    away = [name for name in _NEEDED if found[name] != "ok"]
    late = [name for name in _HELPERS if found[name] != "ok"]
    status = "away" if away else "degraded" if late else "ok"
    await _answer(scope, send, 503 if away else 200, {"status": status, **found})


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    return "missing" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def _disk() -> str:
    if full_disk.is_full() or shutil.disk_usage(settings.DATA_DIR).free < LEAST_FREE_BYTES:
        return "full"
    return "ok"


def _redis() -> str:
    return "ok" if ticks.ping() else "away"


def _worker() -> str:
    return "ok" if ticks.works(ticks.WORKER) else "late"


def _beat() -> str:
    return "ok" if ticks.works(ticks.BEAT) else "late"


_NEEDED: Final[Mapping[str, Callable[[], str]]] = {"database": _database, "migrations": _migrations, "disk": _disk}
_HELPERS: Final[Mapping[str, Callable[[], str]]] = {"redis": _redis, "worker": _worker, "beat": _beat}


async def _found(name: str) -> str:
    """What a part says of itself; one that fails or takes too long is away."""
    look = _NEEDED.get(name) or _HELPERS[name]
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await database_sync_to_async(look, thread_sensitive=False)()
    except Exception as error:  # noqa: BLE001 - whatever it is: this part does not answer
        _log.warning("health.part_away", part=name, error=type(error).__name__)
        return "away"


async def _answer(scope: Mapping[str, Any], send: Send, status: int, content: Mapping[str, str]) -> None:
    allowed = scope["method"] in ("GET", "HEAD")
    body = json.dumps(content if allowed else {"status": "method not allowed"}).encode() + b"\n"
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    if not allowed:
        status, headers = 405, [*headers, (b"allow", b"GET, HEAD")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
