"""Mistakes inside functions, put into a suite that is collected already.

A child takes over the code of the function that holds the mistake, and runs the tests that run its lines.
"""

import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Final, TextIO

from tests.mutants.coverage import Coverage, Measured, Seen, measure
from tests.mutants.forks import Ending, fork_each
from tests.mutants.mutate import Mutant, compile_mutant, entry_code
from tests.mutants.suite import Collected, collect

_LONGEST_SUITE: Final = 1800.0  # seconds; only a suite that hangs meets it
# Told by the process that has collected the suite: (place of the mutant in the list, how its child ended, the test that
# failed). Without an ending the mistake cannot be put into what is imported already.
Told = tuple[int, Ending | None, str]


def try_warm(mutants: Sequence[Mutant], *, root: Path, folder: str, jobs: int) -> Iterator[Seen | Told]:
    """What the suite does, then what became of each mutant.

    All of it in a process of its own, so that this one has imported nothing that is mutated.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as told:
                _collect(mutants, root, folder, jobs, told)
            code = 0
        except BaseException as fault:
            sys.stderr.write(f"{fault}\n")
            raise
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as lines:
        measured, at_import = json.loads(lines.readline() or "[[], []]")
        yield Seen.of(measured, at_import)
        for line in lines:
            place, ending, note = json.loads(line)
            yield place, None if ending is None else Ending(ending), note
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the suite could not be collected and run")


def _collect(mutants: Sequence[Mutant], root: Path, folder: str, jobs: int, told: TextIO) -> None:
    coverage = Coverage(root, folder)

    def then(suite: Collected) -> None:
        sys.settrace(None)
        at_import = coverage.taken()
        measured = _measure(suite, coverage)
        told.write(json.dumps([measured, at_import]) + "\n")
        told.flush()
        _try(mutants, Seen.of(measured, at_import), suite, root, jobs, told)

    with coverage:
        suite = collect(then)
    if suite.broken:
        raise RuntimeError(suite.broken)


def _measure(suite: Collected, coverage: Coverage) -> Measured:
    """In a child too: what tests leave behind in caches, the mutants are not to find."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "measured.json"

        def work(_: None, leave: object) -> Ending:
            file.write_text(json.dumps(measure(suite, coverage)))
            return Ending.SURVIVED

        for ended in fork_each([None], work, jobs=1, seconds=lambda _: _LONGEST_SUITE):
            if ended.ending is not Ending.SURVIVED:
                raise RuntimeError(ended.note or "the suite without mutants was ended by its limits")
        measured: Measured = json.loads(file.read_text())
        return measured


def _try(mutants: Sequence[Mutant], seen: Seen, suite: Collected, root: Path, jobs: int, told: TextIO) -> None:
    functions = _functions(root)
    tasks = []
    for place, mutant in enumerate(mutants):
        function = functions.get((str(root / mutant.path), *(mutant.entry or ("", 0))))
        tests = seen.tests_of(mutant)
        if function is None or seen.runs_at_import(mutant) or function.__code__.co_freevars:
            _tell(told, (place, None, ""))
        elif not tests:
            _tell(told, (place, Ending.SURVIVED, ""))
        else:
            tasks.append((place, mutant, function, tests))
    work = partial(_work, suite)
    for ended in fork_each(tasks, work, jobs=jobs, seconds=lambda task: seen.limit(task[3])):
        _tell(told, (ended.task[0], ended.ending, ended.note))


def _work(suite: Collected, task: tuple[int, Mutant, FunctionType, list[str]], leave: Callable[[str], None]) -> Ending:
    _, mutant, function, tests = task
    assert mutant.entry is not None
    code = entry_code(compile_mutant(mutant), mutant.entry)
    assert code is not None
    function.__code__ = code
    failed = suite.first_failure(tests)
    leave(failed)
    return Ending.KILLED if failed else Ending.SURVIVED


def _functions(root: Path) -> dict[tuple[str, str, int], FunctionType]:
    """The living functions of our own files by (file, name, first line), wherever they are wrapped or bound."""
    return {
        (code.co_filename, code.co_name, code.co_firstlineno): found
        for found in gc.get_objects()
        # By its type: isinstance would wake a lazy object, as Django's settings are one, which has nothing to say here.
        if type(found) is FunctionType and (code := found.__code__).co_filename.startswith(f"{root}/")
    }


def _tell(told: TextIO, line: Told) -> None:
    told.write(json.dumps(line) + "\n")
    told.flush()
