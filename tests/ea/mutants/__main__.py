"""`make ea-mutants`: each named fault is put into a copy of the EA's sources, and the tests that must fail are run.

python -m tests.ea.mutants                   all of them; the exit code is 1 when one survives
python -m tests.ea.mutants --only requote    those whose name has one of these words
python -m tests.ea.mutants --jobs 1          one at a time, where the machine is small

Each result is said when it is known, with why the test failed, so a run that is cut short has told what it knows.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ea.host.build import SOURCES, Options, build
from tests.ea.mutants.faults import FAULTS, Fault

ROOT: Final = Path(__file__).resolve().parents[3]
PARTS: Final = ("core", "mql4", "mql5")
SECONDS: Final = 1200
FAILED: Final = 1


def main(arguments: Sequence[str]) -> int:
    """0 when every fault fails a test, and the tests pass without any."""
    options = argparse.ArgumentParser(prog="python -m tests.ea.mutants")
    options.add_argument("--only", nargs="+", default=[""], metavar="WORDS", help="words of their names")
    options.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    given = options.parse_args(arguments)
    chosen = [fault for fault in FAULTS if any(words in fault.name for words in given.only)]
    tests = {
        late: sorted({test for fault in chosen if fault.nightly is late for test in fault.tests})
        for late in (False, True)
    }
    with ThreadPoolExecutor(max_workers=given.jobs) as hands:
        # beside the faults, which need not wait for it
        whole = [hands.submit(run, SOURCES, named, nightly=late) for late, named in tests.items() if named]
        results = list(hands.map(tried, chosen))
        failed = [said for status, said in (one.result() for one in whole) if status != 0]
    if failed:
        print(f"without any fault the tests fail:\n{failed[0]}")
        return 2
    print("| fault | in | fails |\n| --- | --- | --- |")
    for fault, killer in zip(chosen, results, strict=True):
        print(f"| {fault.name} | `{fault.file}` | {killer or '**survives**'} |")
    survivors = results.count("")
    print(f"{len(chosen) - survivors} of {len(chosen)} named faults fail a test")
    return 1 if survivors else 0


def tried(fault: Fault) -> str:
    """The test that fails, or "" if none does; said at once. What a busy machine has spoilt is tried again."""
    began = time.monotonic()
    try:
        killer, why = dies(fault)
    except RuntimeError as error:
        print(f"{error}\ntried once more", file=sys.stderr, flush=True)
        killer, why = dies(fault)
    took = round(time.monotonic() - began)
    print(f"{fault.name}: {'dies' if killer else 'SURVIVES'} ({took} s) {why}", file=sys.stderr, flush=True)
    return killer


def dies(fault: Fault) -> tuple[str, str]:
    """The test that fails and why, or nothing if none does.

    :raises RuntimeError: the fault is none: it does not stand there, no compiler takes it, or no test could be run
    """
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
        build(sources / "mql4" / "EAGatewayNoDll.mq4", Options(sanitized=True), folders=[sources / "core"])
        status, said = run(sources, fault.tests, nightly=fault.nightly)
    if status not in (0, FAILED):
        raise RuntimeError(f"{fault.name}: the tests could not be run\n{said}")
    named = [line.split(" - ")[0].split("::")[-1] for line in said.splitlines() if line.startswith("FAILED ")]
    if status and not named:
        raise RuntimeError(f"{fault.name}: something but a test failed\n{said}")
    reason = re.search(r"^E +(.*)$", said, re.M)
    return (f"`{named[0]}`", reason[1] if reason else "") if named else ("", "")


def run(sources: Path, tests: Sequence[str], *, nightly: bool) -> tuple[int, str]:
    """The tests on these sources: exit status, and what was said."""
    command = [sys.executable, "-m", "pytest", "--lane", "embedded", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "EAGATEWAY_EA_SOURCES": str(sources)}
    environment |= {"EAGATEWAY_NIGHTLY": "1"} if nightly else {}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stdout[-6000:] + done.stderr[-2000:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
