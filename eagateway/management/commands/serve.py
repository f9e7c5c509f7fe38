"""Run the gateway: in the embedded lane everything in this one process, with its own data folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from eagateway import startup
from eagateway.asgi import application
from eagateway.celery import app
from eagateway.servers.embedded import AlreadyServed, Housekeeping, hold
from sessions_app.services.lifecycle import expiry

# By name: a process loads the one that it serves with, for each costs a tenth of the time until it is ready.
SERVERS: Final[Mapping[str, str]] = {
    "daphne": "eagateway.servers.daphne_server.DaphneGateway",
    "uvicorn": "eagateway.servers.uvicorn_server.UvicornGateway",
}


class Command(BaseCommand):
    help = "Run the gateway. Without DATABASE_URL: SQLite, worker and beat, all in this process. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (8000)")
        parser.add_argument("--server", choices=sorted(SERVERS), default="daphne", help="the ASGI server (daphne)")
        parser.add_argument("--without-redis", action="store_true", help="start also while Redis is away, and slower")
        parser.add_argument(
            "--data", type=Path, help="data folder of the embedded lane (EAGATEWAY_DATA_DIR, else data/)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["data"] is not None:
            _use_folder(options["data"].resolve())
        housekeeping = self._prepare(without_redis=options["without_redis"])
        gateway = import_string(SERVERS[options["server"]])(
            application=application,
            host=options["host"],
            port=options["port"],
            on_ready=lambda port: self._ready(options["host"], port, housekeeping),
        )
        try:
            gateway.run()
        except OSError as error:
            place = f"{options['host']}:{options['port']}"
            raise startup.CannotStart(
                f"{place} cannot be listened on ({error}). Name another with --host and --port, or stop what holds it"
            ) from error
        if housekeeping is not None:
            housekeeping.stop()
        self.stdout.write("stopped")
        sys.stdout.flush()
        os._exit(0)  # worker threads may still sleep; everything that matters is in rows

    def _prepare(self, *, without_redis: bool) -> Housekeeping | None:
        if not settings.EMBEDDED:
            startup.check_database()
            if not without_redis:
                startup.check_redis()
            expiry.forgive_absence()
            return None
        try:
            self._lock = hold(settings.DATA_DIR)
        except AlreadyServed as error:
            raise startup.CannotStart(f"{error}. Stop it, or name another folder with --data") from error
        startup.migrate()
        expiry.forgive_absence(alone=True)  # the lock says so
        return Housekeeping(app, Path(settings.DATABASES["default"]["NAME"]))

    def _ready(self, host: str, port: int, housekeeping: Housekeeping | None) -> None:
        if housekeeping is not None:
            housekeeping.start()
        self.stdout.write(
            f"ready on http://{host}:{port} (admin: http://{host}:{port}/admin/), data in {settings.DATA_DIR}"
        )
        sys.stdout.flush()


def _use_folder(folder: Path) -> None:
    """Settings are read once: start again with the folder in the environment."""
    if Path(settings.DATA_DIR).resolve() == folder:
        return
    os.environ["EAGATEWAY_DATA_DIR"] = str(folder)
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very program again
