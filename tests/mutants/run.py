"""The verdict on every mutant: inside the collected suite, or, where that cannot be, with its module imported anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutants.anew import try_anew
from tests.mutants.coverage import Seen
from tests.mutants.forks import Ending
from tests.mutants.mutate import Mutant
from tests.mutants.warm import try_warm


class Verdict(StrEnum):
    """`endless`: ended by its limits, which is as good as killed. `unseen`: it survived because no test runs it."""

    KILLED = "killed"
    ENDLESS = "endless"
    SURVIVED = "survived"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Tried:
    """`by`: the test that failed."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""

    @property
    def dead(self) -> bool:
        return self.verdict in (Verdict.KILLED, Verdict.ENDLESS)


def try_all(mutants: Sequence[Mutant], *, root: Path, folder: str, jobs: int) -> Iterator[Tried]:
    """The verdicts as they come."""
    seen = Seen({}, {}, frozenset())
    anew = []
    for told in try_warm(mutants, root=root, folder=folder, jobs=jobs):
        if isinstance(told, Seen):
            seen = told
            continue
        place, ending, note = told
        mutant = mutants[place]
        if ending is None:
            anew.append(mutant)
        elif ending is Ending.SURVIVED and not seen.tests_of(mutant):
            yield Tried(mutant, Verdict.UNSEEN)
        else:
            yield _tried(mutant, ending, note)
    for ended in try_anew(anew, seen, jobs=jobs):
        yield _tried(ended.task.mutant, ended.ending, ended.note)


def _tried(mutant: Mutant, ending: Ending, note: str) -> Tried:
    if ending is Ending.FAILED:
        raise RuntimeError(f"{mutant.id}: {note}")
    return Tried(mutant, Verdict[ending.name], note)
