"""One process for each task, forked, with limits of its own: what a mutant breaks ends with its process."""

import os
import resource
import select
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
_MEMORY: Final = 2 * 1024**3
_NOTE: Final = 60_000  # fits into a pipe, so that nobody has to read while the child runs


class Ending(IntEnum):
    """How a child ended. A signal, which its limits send, makes it ENDLESS; FAILED is our own fault."""

    SURVIVED = 0
    KILLED = 1
    ENDLESS = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Ended(Generic[_T]):
    """`note`: what the child's work has left for us."""

    task: _T
    ending: Ending
    note: str


Work = Callable[[_T, Callable[[str], None]], Ending]


def fork_each(tasks: Iterable[_T], work: Work[_T], *, jobs: int, seconds: Callable[[_T], float]) -> Iterator[Ended[_T]]:
    """Do each task in a child, `jobs` at a time, and tell how it ended, in the order in which they end.

    `work` takes the task and a function that leaves a note for us. `seconds` of the processor's time, and ten times
    that by the clock, are all that a child gets.
    """
    running: dict[int, tuple[_T, int]] = {}
    for task in tasks:
        if len(running) >= jobs:
            yield _wait(running)
        pid, notes = _fork(task, work, seconds(task))
        running[pid] = (task, notes)
    while running:
        yield _wait(running)


def _fork(task: _T, work: Work[_T], seconds: float) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        ending = Ending.FAILED
        try:
            os.close(reader)
            _limit(seconds)
            _silence()
            ending = work(task, lambda note: _leave(writer, note))
        except BaseException:
            _leave(writer, traceback.format_exc())
            raise
        finally:
            os._exit(ending)
    os.close(writer)
    return pid, reader


def _leave(writer: int, note: str) -> None:
    os.write(writer, note.encode()[:_NOTE])


def _limit(seconds: float) -> None:
    whole = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(whole * 10)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _wait(running: dict[int, tuple[_T, int]]) -> Ended[_T]:
    pid, status = os.waitpid(-1, 0)
    task, notes = running.pop(pid)
    note = os.read(notes, _NOTE).decode() if select.select([notes], [], [], 0)[0] else ""
    os.close(notes)
    code = Ending.ENDLESS if os.WIFSIGNALED(status) else Ending(os.WEXITSTATUS(status))
    return Ended(task, code, note)
