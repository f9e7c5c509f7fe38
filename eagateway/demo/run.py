"""One run of the demo: a gateway as a child process, four terminals, a replay, a report."""

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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from eagateway_sdk import Transport
from eagateway_sdk.paper import BrokenRecording, Recording

from eagateway.demo import people, report
from eagateway.demo.child import Child, Served, embedded_environment, free_port
from eagateway.demo.faulty_gateway import FOLDER
from eagateway.demo.plan import Plan, plan
from eagateway.demo.replay import Replay, Troubles
from eagateway.demo.sabotage import FAULTS
from eagateway.demo.screen import Screen
from eagateway.demo.stage import ClientStage, Seat, Stage
from eagateway.demo.terminals import EaStage, check_recording

SHIPPED: Final = Path(__file__).resolve().parent / "recordings" / "4xlots-20171107"
FALSIFIED: Final = ("drop", "double", "lots", "modify")
BREAKS: Final = (*FALSIFIED, *FAULTS)
TRANSPORTS: Final = ("socket", "exchange")
TERMINALS: Final = ("sdk", "ea")
PLATFORMS: Final = ("mt4", "mt5")
BROKEN: Final = 2
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says. `folder` is the run's own; `speed` in seconds, None for as fast as it goes.

    `fault`: one of BREAKS, an order falsified in a follower's book or a bug of the gateway.
    """

    folder: Path
    recording: Path = SHIPPED
    speed: float | None = None
    exit: bool = True
    report: Path | None = None
    approve: str = "auto"
    kill_gateway: int = 0
    restart_gateway: int = 0
    kill_terminal: int = 0
    terminal: str = "sdk"
    platform: str = "mt4"
    fault: str | None = None
    transport: Transport | None = None
    seed: int | None = None
    port: int = 0

    @property
    def speaks(self) -> Transport:
        """What all terminals speak over."""
        return self.transport or ("exchange" if self.terminal == "ea" else "socket")

    @property
    def runs_in(self) -> str:
        """The platform of the terminals; clients of the SDK run in none."""
        return self.platform if self.terminal == "ea" else "sdk"


def own_folder() -> Path:
    """A fresh folder for this replay. Settings are read once: start again with the folder in the environment."""
    given = os.environ.get(FOLDER)
    if given is not None and settings.EMBEDDED and Path(settings.DATA_DIR) == Path(given):
        return Path(given)
    folder = Path(tempfile.mkdtemp(prefix="eagateway-demo-"))
    environment = embedded_environment(folder) | {FOLDER: str(folder)}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606 - this very program again
    raise RuntimeError("unreachable")


def play(options: Options, served: Served | None = None) -> int:
    """Run the demo to its end; the exit status. The folder is removed. `served`: what it runs on, else a gateway of its
    own.

    :raises GatewayFailed: the gateway did not come up
    """
    logging.getLogger().setLevel(logging.WARNING)  # the screen shows the progress; the gateway has its own log
    try:
        return _play(options, served)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


def _play(options: Options, served: Served | None) -> int:
    try:
        recording = Recording.read(options.recording)
        cast = plan(recording)
        if options.terminal == "ea":
            check_recording(recording)
    except (BrokenRecording, OSError) as error:
        told = report.broken(
            options.recording.name,
            str(error),
            transport=options.speaks,
            terminal=options.terminal,
            platform=options.runs_in,
        )
        _write(options, told)
        sys.stderr.write(f"broken recording: {error}\n")
        return BROKEN
    fault = options.fault if options.fault in FAULTS else None
    # The EA tells what its symbols are worth, and so the ceiling is in force. The recorded account trades above it.
    # Its tenant may register accounts and approve keys by himself, so that all his pages can be tried.
    allowed = {"TENANTS_ENROL": "on"} | ({"MAX_LEVERAGE": "0"} if options.terminal == "ea" else {})
    served = served or Child(data=options.folder, port=free_port(options.port), fault=fault, settings=allowed)
    return asyncio.run(Run(options, recording, cast, served).play())


class Run:
    """One replay with everybody in it."""

    def __init__(self, options: Options, recording: Recording, cast: Plan, child: Served) -> None:
        self._options, self._recording, self._plan, self._child = options, recording, cast, child
        self._screen = Screen()
        self._started = time.monotonic()

    async def play(self) -> int:
        """From the start of the gateway to its end; the exit status."""
        _end_on_sigterm()
        try:
            return await self._play()
        finally:
            await asyncio.to_thread(self._child.stop)

    async def _play(self) -> int:
        await asyncio.to_thread(self._child.start)
        passwords = await sync_to_async(people.provide, thread_sensitive=False)(self._plan)
        self._screen.credentials(self._child.url, passwords)
        stage = self._stage()
        try:
            await stage.start()
            await self._approve_first(stage)
            return await self._replay(stage)
        finally:
            await stage.close()

    def _stage(self) -> Stage:
        """The terminals, by what they run."""
        options = self._options
        kind = partial(EaStage, platform=options.platform) if options.terminal == "ea" else ClientStage
        return kind(
            plan=self._plan,
            recording=self._recording,
            url=self._child.url,
            folder=options.folder / "terminals",
            falsify=options.fault if options.fault in FALSIFIED else None,
            transport=options.speaks,
        )

    async def _replay(self, stage: Stage) -> int:
        options = self._options
        seed = options.seed if options.seed is not None else secrets.randbelow(2**32)
        if options.kill_gateway or options.restart_gateway or options.kill_terminal:
            times = f"killed {options.kill_gateway} times and restarted {options.restart_gateway} times"
            self._screen.say(f"the gateway is {times}, a terminal killed {options.kill_terminal} times (--seed {seed})")
        replay = Replay(
            stage=stage,
            child=self._child,
            recording=self._recording,
            seconds=options.speed,
            troubles=Troubles(options.kill_gateway, options.restart_gateway, options.kill_terminal, seed),
            approve_late=lambda: self._approve(stage, [stage.followers[-1]]),
            show=self._screen.progress,
        )
        played = await replay.run()
        build = sync_to_async(report.build, thread_sensitive=False)
        seconds = time.monotonic() - self._started
        result = await build(stage=stage, recording=self._recording, played=played, seconds=seconds)
        _write(options, result.content)
        self._show(result)
        if not options.exit:
            await self._leave_something_to_see(stage)
            await self._serve_on()
        return result.exit_status

    async def _leave_something_to_see(self, stage: Stage) -> None:
        """Only behind the shipped recording: who plays his own wants to find his own on the pages, and nothing else."""
        if isinstance(stage, ClientStage) and self._options.recording == SHIPPED and self._options.fault is None:
            for sentence in await stage.leave_something_to_see():
                self._screen.say(sentence)

    def _show(self, result: report.Report) -> None:
        self._screen.report(result.content)
        self._screen.findings("lost", result.findings.lost)
        self._screen.findings("duplicated", result.findings.duplicated)
        self._screen.findings("wrong", result.wrong)
        if result.content["error"]:
            self._screen.say(f"broken recording: {result.content['error']}")

    async def _approve_first(self, stage: Stage) -> None:
        waiting = await sync_to_async(people.waiting, thread_sensitive=False)()
        self._screen.pending([(account, fingerprint) for account, fingerprint, _ in waiting])
        await self._approve(stage, [stage.master, *stage.followers[:-1]])

    async def _approve(self, stage: Stage, seats: Sequence[Seat]) -> None:
        """Approve these accounts' keys, or wait until a person has."""
        names = ", ".join(seat.part.account_id for seat in seats)
        if self._options.approve == "manual":
            self._screen.say(f"waiting for you to approve {names} at the approvals page")
        else:
            await sync_to_async(people.approve, thread_sensitive=False)([seat.part for seat in seats])
            self._screen.say(f"approved {names}")
        await stage.taken_in(seats)

    async def _serve_on(self) -> None:
        self._screen.say(f"still serving on {self._child.url}; Ctrl-C ends it")
        with suppress(asyncio.CancelledError):
            while self._child.alive():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)


def _write(options: Options, content: Mapping[str, Any]) -> None:
    if options.report is not None:
        options.report.write_text(json.dumps(content, indent=1) + "\n")


def _end_on_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    if main is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, main.cancel)
