"""`make conformance`: the cases on every lane, and docs/conformance.md; or the wire cases against any deployment.

python -m tests.conformance                               all lanes, writes the page
python -m tests.conformance --lane daphne/embedded        one of them, shows its table
python -m tests.conformance --url URL --accounts FILE     a deployment of somebody's, shows its table
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.conformance.record import Outcomes, read
from tests.conformance.report import DOCUMENT, LANES, render
from tests.conformance.schemas import ROOT

WORKERS: Final = "3"


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the worst exit code."""
    options = _options(arguments)
    if options.url:
        env = {"CONFORMANCE_URL": options.url, "CONFORMANCE_ACCOUNTS": str(Path(options.accounts).resolve())}
        code, outcomes = _run("embedded", env, workers="0")
        print(render({options.url: outcomes}))
        return code
    lanes = {name: lane for name, lane in LANES.items() if options.lane in (None, "/".join(lane))}
    codes, results = [], {}
    for name, (server, lane) in lanes.items():
        print(f"\n{name}", flush=True)
        code, results[name] = _run(lane, {"CONFORMANCE_SERVER": server}, workers=WORKERS)
        codes.append(code)
        if options.lane is None:  # after each: a run that is cut short leaves what it has found
            DOCUMENT.write_text(render(results), encoding="utf-8")
            print(f"\nwritten: {DOCUMENT.relative_to(ROOT)}")
    if options.lane is not None:
        print(render(results))
    return max(codes)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("--lane", choices=["/".join(lane) for lane in LANES.values()])
    parser.add_argument("--url", default="", help="base URL of another deployment")
    parser.add_argument("--accounts", default="", help="its accounts, as `provision` reads them")
    options = parser.parse_args(arguments)
    if bool(options.url) != bool(options.accounts):
        parser.error("--url and --accounts belong together")
    return options


def _run(lane: str, env: Mapping[str, str], *, workers: str) -> tuple[int, Outcomes]:
    """One run of the suite; its exit code and what it recorded."""
    with tempfile.TemporaryDirectory(prefix="eag-conformance-") as folder:
        results = Path(folder) / "results.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--lane",
            lane,
            "tests/conformance",
            "-q",
            "-n",
            workers,
            "--dist",
            "worksteal",
            "--tb=short",
        ]
        settings = {**os.environ, **env, "CONFORMANCE_RESULTS": str(results), "CONFORMANCE_FULL": "1"}
        code = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, env=settings, check=False).returncode
        return code, read(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
