"""`make independent`: random days of an independent broker and EA against a real gateway."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.independent import house
from tests.independent.day import Day


def main(arguments: list[str]) -> int:
    """Play them; 0 if every book was as it shall be."""
    parser = argparse.ArgumentParser(prog="python -m tests.independent")
    parser.add_argument("days", type=int, nargs="?", default=40)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--acts", type=int, default=40, help="what happens on a day")
    parser.add_argument("--kills", type=int, default=0, help="how often the gateway is killed meanwhile")
    options = parser.parse_args(arguments)
    began, wrong = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as template, tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("EAGATEWAY_DATA_DIR", template)  # of the migrated database that gateways are given
        with house.gateway(Path(folder)) as served:
            for first in range(options.seed, options.seed + options.days, house.AT_ONCE):
                seeds = range(first, min(first + house.AT_ONCE, options.seed + options.days))
                for seed, (found, day) in house.play(served, seeds, acts=options.acts, kills=options.kills).items():
                    wrong += bool(found)
                    tell(seed, found, day)
    print(f"{options.days} days, {wrong} with something wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def tell(seed: int, found: list[str], day: Day) -> None:
    """What was wrong, if anything, and what had happened."""
    if not found:
        return
    print(f"--- seed {seed}", *found, *day.log, sep="\n")
    for desk in day.desks:
        print(f"- {desk.account} {desk.settings}", *desk.broker.told, *desk.log, *desk.ea.log, sep="\n    ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
