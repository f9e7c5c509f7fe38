"""Record what a release leaves behind, for the releases after it: `python -m tests.e2e.upgrades.record CHECKOUT`.

CHECKOUT is a working tree of the release (`git worktree add ../release COMMIT`). Its gateway serves a master and its
follower, on SQLite and on PostgreSQL, and is killed with two orders under way. Kept are both databases
as SQL, what the EAs knew at that moment, and the release's SDK as a wheel.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.gateway import Cast, Gateway
from tests.e2e.upgrades import HERE, KEYS, SECRET, TENANT, run_postgres
from tests.services import postgres, valkey


class Release(Gateway):
    """The gateway of another working tree, in a new database."""

    def __init__(self, checkout: Path, folder: Path, **env: Any) -> None:
        super().__init__(folder, SECRET_KEY=SECRET, BEHIND_TLS="off", **env)
        self.root = checkout

    def command(self, *arguments: str, text: str = "") -> None:
        """One of its own commands, which must succeed."""
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=self.root, env=self.environment, input=text, text=True, check=True)


async def _trade(cast: Cast) -> dict[str, Any]:
    """A master buys, and takes a part off and sets a stop when its follower has; what both know when the gateway is
    killed. Neither of the last two orders goes stale with the years, as an open would."""
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.buy(1)
    commands = await follower.commands(1)
    done = {"command_id": commands[0]["id"], "ticket": 501, "lots": "0.10", "price": "1.1"}
    await follower.durable("ExecutionReport", {"status": "filled", **done}, ack=1)
    await follower.acked(1)
    order = {"position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy"}
    part = {"action": "partial_close", "lots": "0.04", "remaining_lots": "0.06", "new_ticket": 2, "price": "1.2"}
    await master.durable("OrderIntent", {**order, **part})
    stop = await master.durable("OrderIntent", {**order, "action": "modify", "ticket": 2, "sl": "1.05", "lots": "0.06"})
    commands += await follower.commands(2)
    await master.acked(3)
    return {
        "master": {"token": master.token, "stop": stop},
        "follower": {
            "token": follower.token,
            "epoch": (await follower.heard("SessionState"))["payload"]["epoch"],
            "commands": [command["id"] for command in commands],
            "actions": [command["payload"]["action"] for command in commands],
        },
    }


def _record(gateway: Release) -> dict[str, Any]:
    gateway.command("migrate", "--verbosity", "0")
    gateway.start()
    cast = Cast(gateway, TENANT, list(KEYS), dict(KEYS))
    gateway.command("provision", "-", text=json.dumps({"tenants": [cast.document([{}])]}))
    known = asyncio.run(_trade(cast))
    gateway.end(signal.SIGKILL)
    return known


def main(checkout: Path) -> None:
    """Write the files."""
    told: dict[str, Any] = {"commit": _git(checkout, "rev-parse", "HEAD")}
    os.environ["DJANGO_SETTINGS_MODULE"] = "eagateway.settings"
    with tempfile.TemporaryDirectory() as folder:
        told["sqlite"] = _record(Release(checkout, Path(folder)))
        with sqlite3.connect(Path(folder) / "gateway.sqlite3") as database:
            (HERE / "release.sqlite.sql").write_text("\n".join(database.iterdump()) + "\n")
    with tempfile.TemporaryDirectory() as folder, postgres(durable=False) as server, valkey() as bus:
        told["postgresql"] = _record(Release(checkout, Path(folder), DATABASE_URL=server.url, REDIS_URL=bus.url))
        dump = run_postgres("pg_dump", "--no-owner", "--no-privileges", server.url)
        (HERE / "release.postgresql.sql").write_text(dump)
    (HERE / "release.json").write_text(json.dumps(told, indent=2) + "\n")
    for old in HERE.glob("*.whl"):
        old.unlink()
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*wheel, str(HERE), str(checkout / "sdk/python")], check=True)


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", checkout, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
