"""`make ea-mutants`: each named fault is put into a copy of the EA's sources, and the tests that must fail are run.

python -m tests.ea.mutants                   all of them; the exit code is 1 when one survives
python -m tests.ea.mutants --only requote    those whose name has this word
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ea.host.build import SOURCES
from tests.ea.mutants.faults import FAULTS, Fault

ROOT: Final = Path(__file__).resolve().parents[3]
PARTS: Final = ("core", "mql4", "mql5")
SECONDS: Final = 1200
FAILED: Final = 1


def main(arguments: Sequence[str]) -> int:
    """0 when every fault fails a test, and the tests pass without any."""
    options = argparse.ArgumentParser(prog="python -m tests.ea.mutants")
    options.add_argument("--only", default="", metavar="WORD", help="a word of their names")
    options.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    given = options.parse_args(arguments)
    chosen = [fault for fault in FAULTS if given.only in fault.name]
    tests = sorted({test for fault in chosen for test in fault.test.split()})
    plain, said = run(SOURCES, tests)
    if plain != 0:
        print(f"without any fault the tests fail:\n{said}")
        return 2
    with ThreadPoolExecutor(max_workers=given.jobs) as hands:
        results = list(hands.map(dies, chosen))
    print("| fault | in | fails |\n| --- | --- | --- |")
    for fault, killer in zip(chosen, results, strict=True):
        print(f"| {fault.name} | `{fault.file}` | {killer or '**survives**'} |")
    survivors = results.count("")
    print(f"{len(chosen) - survivors} of {len(chosen)} named faults fail a test")
    return 1 if survivors else 0


def dies(fault: Fault) -> str:
    """The test that fails, or "" if none does. A fault that does not compile fails as well: nobody could ship it."""
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "ea"
        for part in PARTS:
            if (SOURCES / part).is_dir():
                shutil.copytree(SOURCES / part, sources / part)
        path = sources / "core" / fault.file
        text = path.read_text(encoding="ascii")
        if text.count(fault.before) != 1:
            raise RuntimeError(
                f"{fault.name}: what is to be replaced stands {text.count(fault.before)} times in {fault.file}"
            )
        path.write_text(text.replace(fault.before, fault.after), encoding="ascii")
        status, said = run(sources, fault.test.split())
    if status not in (0, FAILED):
        raise RuntimeError(f"{fault.name}: the tests could not be run\n{said}")
    named = [
        line.split(" - ")[0].split("::")[-1] for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))
    ]
    print(f"{fault.name}: {'dies' if status else 'survives'}", file=sys.stderr, flush=True)
    return f"`{named[0]}`" if status and named else "a test" if status else ""


def run(sources: Path, tests: Sequence[str]) -> tuple[int, str]:
    """The tests on these sources: exit status, and what was said."""
    command = [sys.executable, "-m", "pytest", "--lane", "embedded", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "EAGATEWAY_EA_SOURCES": str(sources)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stdout[-6000:] + done.stderr[-2000:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
