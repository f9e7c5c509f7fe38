"""Mistakes that are there when a module is imported: in tables, defaults and bounds.

A child imports the module with the mistake before any test has imported it, and collects the tests only then.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from tests.mutants.coverage import Seen
from tests.mutants.forks import Ended, Ending, fork_each
from tests.mutants.mutate import Mutant, compile_mutant
from tests.mutants.suite import Collected, collect


@dataclass(frozen=True, slots=True)
class Attempt:
    """A mutant, and the tests that it meets."""

    mutant: Mutant
    tests: Sequence[str]


def try_anew(mutants: Sequence[Mutant], seen: Seen, *, jobs: int) -> Iterator[Ended[Attempt]]:
    """What became of each. It meets the tests of its own room first: those alone are collected quickly."""
    survivors = []
    for ended in _try([_attempt(mutant, seen, own_room=True) for mutant in mutants], seen, jobs):
        if ended.ending is Ending.SURVIVED:
            survivors.append(ended.task.mutant)
        else:
            yield ended
    yield from _try([_attempt(mutant, seen, own_room=False) for mutant in survivors], seen, jobs)


def _attempt(mutant: Mutant, seen: Seen, *, own_room: bool) -> Attempt:
    room = f"/{mutant.path.parent.name}/"
    chosen = (test for test in seen.seconds if (room in test) is own_room)
    return Attempt(mutant, sorted(chosen, key=lambda test: seen.seconds[test]))


def _try(attempts: Sequence[Attempt], seen: Seen, jobs: int) -> Iterator[Ended[Attempt]]:
    return fork_each(attempts, _work, jobs=jobs, seconds=lambda attempt: seen.limit(attempt.tests))


def _work(attempt: Attempt, leave: Callable[[str], None]) -> Ending:
    if not attempt.tests:
        return Ending.SURVIVED
    mutant = attempt.mutant
    assert mutant.module not in sys.modules, "imported before its mutant could be"
    sys.meta_path.insert(0, _Finder(mutant.module, mutant.path, compile_mutant(mutant)))
    failed: list[str] = []

    def then(suite: Collected) -> None:
        failed.append(suite.first_failure(attempt.tests))

    files = dict.fromkeys(test.partition("::")[0] for test in attempt.tests)
    suite = collect(then, list(files))
    leave(suite.broken.splitlines()[0] if suite.broken else "".join(failed))
    return Ending.KILLED if suite.broken or not failed or failed[0] else Ending.SURVIVED


class _Finder(MetaPathFinder):
    """Finds one module, and gives it the mutant's code."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._loader = name, path, _Loader(code)

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self._loader, origin=str(self._path))


class _Loader(Loader):
    def __init__(self, code: CodeType) -> None:
        self._code = code

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # noqa: S102  our own source, with one mistake in it
