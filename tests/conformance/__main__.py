"""`make conformance`: the cases on every lane, and docs/conformance.md; or the wire cases against any deployment.

python -m tests.conformance                               all lanes, writes the page
python -m tests.conformance --lane daphne/embedded        one of them, writes the page with what the others had last
python -m tests.conformance --lane daphne/embedded --case 81    one case of it again
python -m tests.conformance --url URL --accounts FILE     a deployment of somebody's, shows its table
"""

import argparse
import json
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
KEPT: Final = ROOT / ".pytest_cache" / "conformance"  # test-results is emptied by every run


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the worst exit code."""
    options = _options(arguments)
    if options.url:
        env = {"CONFORMANCE_URL": options.url, "CONFORMANCE_ACCOUNTS": str(Path(options.accounts).resolve())}
        code, outcomes = _run("embedded", env, workers="0")
        print(render({options.url: outcomes}))
        return code
    codes = []
    for name, (server, lane) in LANES.items():
        if options.lane in (None, f"{server}/{lane}"):
            print(f"\n{name}", flush=True)
            code, outcomes = _run(lane, {"CONFORMANCE_SERVER": server}, workers=WORKERS, case=options.case)
            codes.append(code)
            _keep(name, outcomes if options.case is None else read(_kept(name)) | outcomes)
    return max(codes)


def _keep(name: str, outcomes: Outcomes) -> None:
    """Store what a lane found, and write the page: after each lane, for a run may be cut short."""
    KEPT.mkdir(parents=True, exist_ok=True)
    _kept(name).write_text(json.dumps(outcomes, sort_keys=True), encoding="utf-8")
    DOCUMENT.write_text(render({lane: read(_kept(lane)) for lane in LANES}), encoding="utf-8")
    print(f"\nwritten: {DOCUMENT.relative_to(ROOT)}", flush=True)


def _kept(name: str) -> Path:
    return KEPT / f"{name.replace(', ', '-').lower()}.json"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("--lane", choices=["/".join(lane) for lane in LANES.values()])
    parser.add_argument("--case", type=int, help="one case; the other results stay as they are")
    parser.add_argument("--url", default="", help="base URL of another deployment")
    parser.add_argument("--accounts", default="", help="its accounts, as `provision` reads them")
    options = parser.parse_args(arguments)
    if bool(options.url) != bool(options.accounts):
        parser.error("--url and --accounts belong together")
    return options


def _run(lane: str, env: Mapping[str, str], *, workers: str, case: int | None = None) -> tuple[int, Outcomes]:
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
        if case is not None:
            command += ["-k", f"test_case_{case:03}_ or _and_{case:03}_"]
        settings = {**os.environ, **env, "CONFORMANCE_RESULTS": str(results), "CONFORMANCE_FULL": "1"}
        code = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, env=settings, check=False).returncode
        return code, read(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
