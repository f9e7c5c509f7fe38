"""`make histories`: random histories through the real services, and what was wrong at their ends.

python -m tests.histories 5000                        seeds 1 to 5000, all kinds of trouble; exit status 1 if any fails
python -m tests.histories 500 --only timeouts,legs    with these kinds alone
python -m tests.histories --seed 123 --replay         one of them again, with its timeline
"""

import argparse
import importlib
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.histories import lane
from tests.histories.faults import ALL, NEWEST, PASSING, Kind, known_to

EVERY: Final = 10.0
SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Ended:
    """One history: its kinds, its violations as (kind, text), its commands, its timeline if it failed."""

    seed: int
    kinds: tuple[str, ...]
    violations: tuple[tuple[str, str], ...]
    commands: int
    text: str = ""


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 0 if nothing is wrong."""
    options = _options(arguments)
    allowed = _kinds(options)
    first = options.seed or 1
    seeds = [first] if options.replay else range(first, first + options.histories)
    began = told = time.monotonic()
    ended: list[Ended] = []
    with lane.prepared(production=options.postgres) as folder:
        context = multiprocessing.get_context("fork")
        with context.Pool(min(options.jobs, len(seeds)), initializer=lane.enter, initargs=(folder,)) as pool:
            for one in pool.imap_unordered(_run, ((seed, allowed) for seed in seeds), chunksize=1):
                ended.append(one)
                if options.replay:
                    print(one.text)
                elif one.violations:
                    print(f"seed {one.seed}: {', '.join(sorted({kind for kind, _ in one.violations}))}", flush=True)
                if time.monotonic() - told > EVERY:
                    told = time.monotonic()
                    _progress(ended, len(seeds), told - began)
    _progress(ended, len(seeds), time.monotonic() - began)
    return _report(ended, options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("histories", type=int, nargs="?", default=500, help="how many (default: 500)")
    parser.add_argument("--seed", type=int, help="the first seed (default: 1)")
    parser.add_argument("--replay", action="store_true", help="that seed alone, with its timeline")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="workers (default: one per core)")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--passing", action="store_true", help="only the kinds that the tests run")
    parser.add_argument("--generation", type=int, default=NEWEST, help="the kinds of an earlier generator")
    parser.add_argument("--only", default="", metavar="KINDS", help="only these kinds of trouble, with commas")
    parser.add_argument("--without", default="", metavar="KINDS", help="all but these")
    return parser.parse_args(arguments)


def _kinds(options: argparse.Namespace) -> frozenset[Kind]:
    named = frozenset(Kind(name) for name in options.only.split(",") if name)
    without = frozenset(Kind(name) for name in options.without.split(",") if name)
    return (named or (PASSING if options.passing else ALL) & known_to(options.generation)) - without


def _run(task: tuple[int, frozenset[Kind]]) -> Ended:
    """In a worker: one history on its empty database."""
    seed, allowed = task
    history: Any = importlib.import_module("tests.histories.history")
    databases: Any = importlib.import_module("tests.databases")
    connections: Any = importlib.import_module("django.db").connections
    try:
        outcome = history.run(seed, allowed)
    except Exception:  # noqa: BLE001 - the harness itself broke: a finding too
        return Ended(seed, (), (("harness", traceback.format_exc(limit=-8)),), 0, traceback.format_exc())
    finally:
        databases.empty(connections["default"])
    violations = tuple((item.kind, item.text) for item in outcome.violations)
    return Ended(seed, outcome.kinds, violations, outcome.commands, outcome.text)


def _progress(ended: Sequence[Ended], many: int, seconds: float) -> None:
    failed = sum(bool(one.violations) for one in ended)
    rate = len(ended) / seconds if seconds else 0.0
    print(f"{len(ended)} of {many} histories, {failed} failed, {seconds:.0f} s, {rate:.1f}/s", flush=True)


def _report(ended: Sequence[Ended], options: argparse.Namespace) -> int:
    """What was wrong, by kind of violation: how often, where to look, and which troubles were there more than usual."""
    failed = sorted((one for one in ended if one.violations), key=lambda one: one.seed)
    by_kind: dict[str, list[Ended]] = defaultdict(list)
    for one in failed:
        for kind in {kind for kind, _ in one.violations}:
            by_kind[kind].append(one)
    for kind, ones in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        seeds = " ".join(str(one.seed) for one in ones[:SHOWN])
        print(f"\n{kind}: {len(ones)} histories, seeds {seeds}\n  with {_suspects(ones, ended)}")
        print(f"  {next(text for what, text in ones[0].violations if what == kind).strip()[:600]}")
    if failed and not options.replay:
        chosen = f" --only {options.only}" if options.only else " --passing" if options.passing else ""
        chosen += f" --without {options.without}" if options.without else ""
        print(f"\nreplay one: make histories HISTORIES_ARGS='--seed {failed[0].seed} --replay{chosen}'")
    commands = sum(one.commands for one in ended)
    print(f"\n{len(ended)} histories, {commands} commands, {len(failed)} histories with something wrong")
    return 1 if failed else 0


def _suspects(ones: Iterable[Ended], ended: Iterable[Ended]) -> str:
    """The kinds of trouble that these have more often than all."""
    mine, usual = (
        Counter(kind for one in ones for kind in one.kinds),
        Counter(kind for one in ended for kind in one.kinds),
    )
    lift = sorted(mine, key=lambda kind: (-(mine[kind] / usual[kind]), kind))
    return ", ".join(f"{kind} ({mine[kind]} of {usual[kind]})" for kind in lift[:5]) or "no trouble"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
