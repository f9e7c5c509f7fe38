"""The main job on real input: a recorded account's trades reach three followers, through the real gateway."""

import argparse
import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from eagateway_sdk.paper import BrokenRecording, Recording

from eagateway.demo import report
from eagateway.demo.child import Child, GatewayFailed, embedded_environment, free_port
from eagateway.demo.plan import Part, Plan, plan
from eagateway.demo.replay import Replay
from eagateway.demo.screen import Screen
from eagateway.demo.stage import Seat, Stage
from orders.services.provisioning import deployment
from sessions_app import queries
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor

SHIPPED: Final = Path(__file__).resolve().parents[2] / "demo" / "recordings" / "4xlots-20171107"
BREAKS: Final = ("drop", "double", "lots", "modify")
TRANSPORTS: Final = ("socket", "exchange")
BROKEN: Final = 2
INTERRUPTED: Final = 130
_FOLDER: Final = "EAGATEWAY_DEMO_FOLDER"


class Command(BaseCommand):
    help = "Replay a recorded account through the gateway to three followers, and check every book against the rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recording", type=Path, default=SHIPPED, help="folder of a recording (the shipped one)")
        parser.add_argument("--speed", type=_speed, default=60.0, help="seconds to compress it to, or max (60)")
        parser.add_argument("--exit", action="store_true", help="end after the report instead of serving on")
        parser.add_argument("--report", type=Path, help="write the report to this file, as JSON")
        parser.add_argument("--approve", choices=("auto", "manual"), default="auto", help="manual waits for you")
        parser.add_argument(
            "--kill-gateway", type=_count, default=0, metavar="N", help="SIGKILL it at N random moments"
        )
        parser.add_argument("--break", choices=BREAKS, dest="falsify", help="falsify one order: the report must fail")
        parser.add_argument(
            "--transport", choices=TRANSPORTS, default="socket", help="what all terminals speak over (socket)"
        )
        parser.add_argument("--seed", type=int, default=None, help="seed of the random moments")
        parser.add_argument("--port", type=int, default=8000, help="port of the gateway, or else a free one (8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = _own_folder()
        try:
            status = self._play(folder, options)
        except GatewayFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            status = INTERRUPTED
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        sys.exit(status)

    def _play(self, folder: Path, options: dict[str, Any]) -> int:
        logging.getLogger().setLevel(logging.WARNING)  # the screen shows the progress; the gateway has its own log
        self.screen, self.options = Screen(), options
        try:
            recording = Recording.read(options["recording"])
        except (BrokenRecording, OSError) as error:
            self._write_report(report.broken(options["recording"].name, str(error), transport=options["transport"]))
            self.stderr.write(f"broken recording: {error}")
            return BROKEN
        child = Child(data=folder, port=free_port(options["port"]))
        return asyncio.run(self._run(recording, child, folder))

    async def _run(self, recording: Recording, child: Child, folder: Path) -> int:
        started = time.monotonic()
        _end_on_sigterm()
        try:
            return await self._run_with(recording, child, folder, started)
        finally:
            await asyncio.to_thread(child.stop)

    async def _run_with(self, recording: Recording, child: Child, folder: Path, started: float) -> int:
        cast = plan(recording)
        await asyncio.to_thread(child.start)
        await self._prepare(cast, child)
        stage = Stage(
            plan=cast,
            recording=recording,
            url=child.url,
            folder=folder / "terminals",
            falsify=self.options["falsify"],
            transport=self.options["transport"],
        )
        try:
            await stage.start()
            await self._approve_first(stage)
            return await self._replay(recording, child, stage, started)
        finally:
            await stage.close()

    async def _replay(self, recording: Recording, child: Child, stage: Stage, started: float) -> int:
        seed = self.options["seed"] if self.options["seed"] is not None else secrets.randbelow(2**32)
        if self.options["kill_gateway"]:
            self.screen.say(f"the gateway is killed {self.options['kill_gateway']} times (--seed {seed})")
        replay = Replay(
            stage=stage,
            child=child,
            recording=recording,
            seconds=self.options["speed"],
            kills=self.options["kill_gateway"],
            seed=seed,
            approve_late=lambda: self._approve([stage.followers[-1]]),
            show=self.screen.progress,
        )
        played = await replay.run()
        build = sync_to_async(report.build, thread_sensitive=False)
        result = await build(stage=stage, recording=recording, played=played, seconds=time.monotonic() - started)
        self._write_report(result.content)
        self.screen.report(result.content)
        self.screen.findings("lost", result.findings.lost)
        self.screen.findings("duplicated", result.findings.duplicated)
        if played.error:
            self.screen.say(f"broken recording: {played.error}")
        if not self.options["exit"]:
            await self._serve_on(child)
        return result.exit_status

    # People and approvals ------------------------------------------------------------------------------------------

    async def _prepare(self, cast: Plan, child: Child) -> None:
        """Accounts, strategy, subscriptions; a staff user and a tenant admin."""
        people = await sync_to_async(_provide, thread_sensitive=False)(cast)
        self.screen.credentials(child.url, people)

    async def _approve_first(self, stage: Stage) -> None:
        waiting = await sync_to_async(_waiting, thread_sensitive=False)()
        self.screen.pending([(account, fingerprint) for account, fingerprint, _ in waiting])
        await self._approve([stage.master, *stage.followers[:-1]])

    async def _approve(self, seats: list[Seat]) -> None:
        """Approve these accounts' keys, by the service that the admin uses, or wait until a person has."""
        names = ", ".join(seat.part.account_id for seat in seats)
        if self.options["approve"] == "manual":
            self.screen.say(f"waiting for you to approve {names} at the approvals page")
        else:
            await sync_to_async(_approve, thread_sensitive=False)([seat.part for seat in seats])
            self.screen.say(f"approved {names}")
        await asyncio.gather(*(seat.client.wait_status("authenticated") for seat in seats))

    async def _serve_on(self, child: Child) -> None:
        self.screen.say(f"still serving on {child.url}; Ctrl-C ends it")
        with suppress(asyncio.CancelledError):
            while child.alive():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)

    def _write_report(self, content: Any) -> None:
        if self.options["report"] is not None:
            self.options["report"].write_text(json.dumps(content, indent=1) + "\n")


def _provide(cast: Plan) -> dict[str, str]:
    deployment.provision(document=dict(cast.document), by=Actor("demo"))
    users = get_user_model()
    people = {
        "staff": secrets.token_urlsafe(12),
        cast.document["tenants"][0]["members"][0]["email"]: secrets.token_urlsafe(12),
    }
    for name, password in people.items():
        user, _ = users.objects.get_or_create(username=name)
        user.is_staff = user.is_superuser = name == "staff"
        user.set_password(password)
        user.save(update_fields=["is_staff", "is_superuser", "password"])
    return people


def _waiting() -> list[tuple[str, str, Any]]:
    return [(key.account.claimed_as, key.fingerprint, key.id) for key in queries.waiting_keys()]


def _approve(parts: list[Part]) -> None:
    wanted = {part.account_id.lower() for part in parts}
    for account, _, key_id in _waiting():
        if account.lower() in wanted:
            keys.approve(key_id=key_id, by=Actor("demo"), reason="approved by the demo")


# The command line -------------------------------------------------------------------------------------------


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise argparse.ArgumentTypeError("seconds above 0, or max")
    return seconds


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a whole number of 0 or more")
    return int(text)


def _own_folder() -> Path:
    """A fresh folder for this replay. Settings are read once: start again with the folder in the environment."""
    given = os.environ.get(_FOLDER)
    if given is not None and settings.EMBEDDED and Path(settings.DATA_DIR) == Path(given):
        return Path(given)
    folder = Path(tempfile.mkdtemp(prefix="eagateway-demo-"))
    environment = embedded_environment(folder) | {_FOLDER: str(folder)}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606 - this very program again
    raise RuntimeError("unreachable")


def _end_on_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    if main is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, main.cancel)
