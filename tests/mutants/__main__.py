"""`make mutants`: small mistakes put into orders/domain one by one, and whether a unit test fails for each.

python -m tests.mutants                                           all of them; exit code 1 below the bound
python -m tests.mutants --only orders/domain/sizing               those of a folder or a file
python -m tests.mutants --only orders/domain/sizing/rates.py:24:2 one of them again
python -m tests.mutants --list                                    their names and what they change
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.mutants.explained import Key, explained
from tests.mutants.mutate import Mutant, find_mutants
from tests.mutants.run import Tried, try_all

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = "orders/domain"
BOUND: Final = 95.0
_EVERY: Final = 10.0


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 0 if enough of it is killed."""
    options = _options(arguments)
    mutants = [mutant for mutant in every_mutant() if _is_chosen(mutant, options.only)]
    if options.list:
        print(*(f"{mutant.id}  {mutant.function}: {mutant.change}" for mutant in mutants), sep="\n")
        return 0
    if not mutants:
        print("no such mutant")
        return 2
    reasons = {} if options.all else explained()
    tried = _try([mutant for mutant in mutants if mutant.key not in reasons], options.jobs)
    return _report(tried, mutants, reasons)


def every_mutant() -> list[Mutant]:
    """Those of the whole folder, in the order of its files."""
    files = sorted(path.relative_to(ROOT) for path in (ROOT / FOLDER).rglob("*.py"))
    return [mutant for file in files for mutant in find_mutants(file, root=ROOT)]


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="PLACE", help="a folder, a file, FILE:LINE or a mutant"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="children at a time (default: one per core)"
    )
    parser.add_argument("--list", action="store_true", help="name the mutants and try none")
    parser.add_argument("--all", action="store_true", help="try those with a reason in explained.toml too")
    return parser.parse_args(arguments)


def _is_chosen(mutant: Mutant, places: Sequence[str]) -> bool:
    def within(place: str) -> bool:
        rest = mutant.id.removeprefix(place.rstrip("/"))
        return rest != mutant.id and (not rest or rest[0] in "/:")

    return not places or any(within(place) for place in places)


def _try(mutants: Sequence[Mutant], jobs: int) -> list[Tried]:
    started = told = time.monotonic()
    print(f"{len(mutants)} mutants, {jobs} at a time; the suite runs once without any", flush=True)
    tried: list[Tried] = []
    for one in try_all(mutants, root=ROOT, folder=FOLDER, jobs=jobs):
        tried.append(one)
        now = time.monotonic()
        if len(mutants) == 1 or now - told > _EVERY or len(tried) == len(mutants):
            told, dead = now, sum(row.dead for row in tried)
            print(f"{len(tried)} of {len(mutants)} tried, {dead} killed, {now - started:.0f} s", flush=True)
        if len(mutants) == 1 or not one.dead:
            print(f"{one.verdict} {one.mutant.id} {one.by}", flush=True)
    # A run that broke off has no score: what it did not try is neither dead nor alive.
    if len(tried) != len(mutants):
        raise SystemExit(f"only {len(tried)} of {len(mutants)} mutants were tried: see above what broke the run off")
    return tried


def _report(tried: Sequence[Tried], mutants: Sequence[Mutant], reasons: Mapping[Key, str]) -> int:
    alive = sorted(
        (one for one in tried if not one.dead), key=lambda one: (one.mutant.path, one.mutant.line, one.mutant.number)
    )
    for one in alive:
        mutant = one.mutant
        print(f"\n{one.verdict}: {mutant.id}\n  {mutant.module} {mutant.function}\n  {mutant.change}")
    print(f"\n{'module':<48} {'mutants':>8} {'killed':>8} {'alive':>6} {'score':>8}")
    for module in dict.fromkeys(one.mutant.module for one in sorted(tried, key=lambda one: one.mutant.path)):
        print(_row(module, [one for one in tried if one.mutant.module == module]))
    print(_row("all", tried))
    explained_here = sum(mutant.key in reasons for mutant in mutants)
    print(f"{explained_here} more change nothing that could be seen: tests/mutants/explained.toml")
    return 0 if _score(tried) >= BOUND else 1


def _row(name: str, tried: Sequence[Tried]) -> str:
    dead = sum(one.dead for one in tried)
    return f"{name:<48} {len(tried):>8} {dead:>8} {len(tried) - dead:>6} {_score(tried):>7.1f}%"


def _score(tried: Iterable[Tried]) -> float:
    rows = list(tried)
    return 100 * sum(one.dead for one in rows) / len(rows) if rows else 100.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
