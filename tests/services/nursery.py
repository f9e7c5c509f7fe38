"""Processes of `manage.py` that begin with the libraries read already.

Of the two seconds of a processor that a gateway takes until it is ready, one goes into reading Django and the other
libraries, and a run of the suite starts some hundreds. So one process of a run, the nursery, reads them once and forks
for each that is asked for. From there on everything is as ever: the child has its own environment, folder, streams and
arguments, runs the very file, and reads the settings and all of our code itself. It is killed and waited for as any.

Only in runs of several workers, where many are started. Plain processes stay where EAGATEWAY_NIGHTLY is set, where the
system has no file descriptors of processes, for programs of other trees or with variables of the interpreter's own, and
in `tests/e2e/test_startup.py`. What the system tells of a child, command line and first environment, is the nursery's.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, NoReturn, TextIO

ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = ("eagateway", "sessions_app", "orders", "backoffice", "tests", "manage", "__main__")
# Daphne makes an event loop while it is read, which belongs to one process.
_OF_ONE_PROCESS: Final = ("daphne", "twisted.internet.reactor", "twisted.internet.asyncioreactor")
_LOOK_MS: Final = 2000
_STREAMS: Final = 3
_HEAD: Final = struct.Struct("!I")
_STATUS: Final = struct.Struct("!i")


# Who asks -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Nursling:
    """A process that the nursery has made; as much of `subprocess.Popen` as its users need."""

    pid: int
    _link: socket.socket = field(repr=False)
    _handle: int = field(repr=False)
    stdout: IO[str] | None = None
    returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative for a signal's number.

        :raises subprocess.TimeoutExpired: it runs on
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._link], [], [], timeout)[0]:
            told = self._link.recv(_STATUS.size)
            if not told:
                raise RuntimeError("the nursery has gone")
            self.returncode = _STATUS.unpack(told)[0]
            self._link.close()
            os.close(self._handle)
        return self.returncode


Process = subprocess.Popen[str] | Nursling


def begin(command: Sequence[str], *, env: Mapping[str, str], stderr: TextIO, root: Path = ROOT) -> Process:
    """Start `python PROGRAM ARGUMENTS` in this working tree; its standard output is a pipe."""
    if not _is_open_for(root, env):
        whole = [sys.executable, *command]
        return subprocess.Popen(whole, cwd=root, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)
    reader, writer = os.pipe()
    try:
        with Path(os.devnull).open() as nothing:
            nursling = _ask(command, env, (nothing.fileno(), writer, stderr.fileno()))
    finally:
        os.close(writer)
    nursling.stdout = os.fdopen(reader)
    return nursling


def run(
    command: Sequence[str], *, env: Mapping[str, str], timeout: float, text: str = "", root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run `python PROGRAM ARGUMENTS` to its end with this text as its input; its output and errors are texts.

    :raises subprocess.TimeoutExpired: it was killed for it
    """
    if not _is_open_for(root, env):
        whole = [sys.executable, *command]
        return subprocess.run(
            whole, cwd=root, env=env, input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
    with contextlib.ExitStack() as stack:
        given, told, errors = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(_STREAMS))
        given.write(text)
        given.seek(0)
        nursling = _ask(command, env, (given.fileno(), told.fileno(), errors.fileno()))
        try:
            status = nursling.wait(timeout)
        except subprocess.TimeoutExpired:
            nursling.kill()
            nursling.wait()
            raise
        for stream in (told, errors):
            stream.seek(0)
        return subprocess.CompletedProcess(list(command), status, told.read(), errors.read())


def _is_open_for(root: Path, env: Mapping[str, str]) -> bool:
    """Whether a child of the nursery would be the same as a plain process."""
    if os.environ.get("EAGATEWAY_NIGHTLY") or not hasattr(signal, "pidfd_send_signal"):
        return False
    return "PYTEST_XDIST_WORKER" in os.environ and root == ROOT and _of_interpreter(env) == _of_interpreter(os.environ)


def _of_interpreter(env: Mapping[str, str]) -> dict[str, str]:
    """What the interpreter itself reads when it begins."""
    return {name: value for name, value in env.items() if name.startswith("PYTHON")}


def _ask(command: Sequence[str], env: Mapping[str, str], streams: tuple[int, int, int]) -> Nursling:
    request = json.dumps({"command": list(command), "env": dict(env)}).encode()
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.connect(str(_door()))
    socket.send_fds(link, [_HEAD.pack(len(request))], streams)
    link.sendall(request)
    pid = _STATUS.unpack(_read(link, _STATUS.size))[0]
    return Nursling(pid, link, os.pidfd_open(pid))


def _door() -> Path:
    """Where the nursery of this run listens; who comes first opens it. It closes when the run's folder has gone."""
    folder = Path(os.environ["EAGATEWAY_DATA_DIR"])
    door = folder / "nursery"
    with (folder / "nursery.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not door.exists():
            log = folder / "nursery.log"
            with log.open("w") as told:
                command = [sys.executable, "-m", "tests.services.nursery", str(door)]
                opened = subprocess.run(
                    command, cwd=ROOT, stdout=told, stderr=told, start_new_session=True, check=False
                )
            if opened.returncode:
                raise RuntimeError(f"the nursery did not open: {log.read_text()[-2000:]}")
    return door


def _read(link: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = link.recv(size - len(got))
        if not part:
            raise EOFError("the other side has gone")
        got += part
    return got


# The nursery ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """What a child becomes."""

    command: list[str]
    env: dict[str, str]
    streams: list[int]

    @classmethod
    def read(cls, link: socket.socket) -> "Request":
        head, streams, _, _ = socket.recv_fds(link, _HEAD.size, _STREAMS)
        return cls(**json.loads(_read(link, _HEAD.unpack(head)[0])), streams=list(streams))

    def become(self) -> None:
        """Put on the environment, the streams and the arguments; close everything else."""
        for place, stream in enumerate(self.streams):
            os.dup2(stream, place)
        os.closerange(_STREAMS, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(self.env)
        sys.argv = self.command
        sys.path[0] = str(Path(self.command[0]).resolve().parent)


def _libraries() -> list[str]:
    """The names of what a gateway reads beside our own code, in its order; found by a child that reads it all."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _look(writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        names = told.read().split()
    if os.waitpid(child, 0)[1] or not names:
        raise RuntimeError("our own code could not be read")
    return [name for name in names if not _is_of(name, _OURS) and not _is_of(name, _OF_ONE_PROCESS)]


def _look(writer: int) -> NoReturn:
    import django  # noqa: PLC0415 - in the child alone

    django.setup()
    for name in ("eagateway.urls", "eagateway.management.commands.serve", "eagateway.servers.uvicorn_server"):
        importlib.import_module(name)
    with os.fdopen(writer, "w") as told:
        told.write("\n".join(sys.modules))
    os._exit(0)


def _is_of(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _load(names: Sequence[str]) -> None:
    """What asks for settings is left to the children: they have their own."""
    before = len(os.listdir("/proc/self/fd"))
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if len(os.listdir("/proc/self/fd")) != before or threading.active_count() > 1:
        raise RuntimeError("a library opened a file or began a thread while it was read: all children would share it")
    gc.collect()
    gc.freeze()


def _serve(listener: socket.socket, folder: Path) -> Request:
    """Make children until the folder has gone; in each child, return what it shall become."""
    links: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor of a child: it, and who asked for it
    door, waits = listener.fileno(), select.poll()
    waits.register(door, select.POLLIN)
    while folder.exists():
        for ready, _ in waits.poll(_LOOK_MS):
            if ready != door:
                waits.unregister(ready)
                _tell(ready, *links.pop(ready))
                continue
            link, _ = listener.accept()
            request = Request.read(link)
            child = os.fork()
            if not child:
                _let_go(listener, link, *(other for _, other in links.values()))
                return request
            for stream in request.streams:
                os.close(stream)
            link.sendall(_STATUS.pack(child))
            handle = os.pidfd_open(child)
            links[handle] = child, link
            waits.register(handle, select.POLLIN)
    raise SystemExit(0)


def _let_go(*sockets: socket.socket) -> None:
    """What these hold is closed with everything else; closed once more, when they are collected, it would be another
    file of that number, the child's own."""
    for each in sockets:
        each.detach()


def _tell(handle: int, child: int, link: socket.socket) -> None:
    """A child has ended: its exit status to who asked for it."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(handle)
    with contextlib.suppress(OSError):  # who asked may have gone
        link.sendall(_STATUS.pack(status))
    link.close()


def main(door: Path) -> None:
    """Serve; a child comes out of here as the program that was asked for."""
    _load(_libraries())
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(door))
    listener.listen(64)
    if os.fork():
        os._exit(0)  # open: who waited for it goes on, and the nursery ends by itself when the run's folder has gone
    request = _serve(listener, door.parent)
    request.become()
    runpy.run_path(request.command[0], run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
