"""One room's tests, on the embedded lane: `python -m tests.rooms orders/copies`; without a room, all are listed.

A room is a folder of tests/unit, of tests/integration, or of both: it mirrors the room of the code that it tests.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FLOORS: Final = ("tests/unit", "tests/integration")
_FILES_WORTH_A_SECOND_HAND: Final = 4  # a worker takes seconds until its first test


def rooms() -> dict[str, list[str]]:
    """The folders of each room, from the tree."""
    found: dict[str, list[str]] = {}
    for floor in FLOORS:
        for folder in sorted({path.parent for path in (ROOT / floor).rglob("test_*.py")}):
            room = folder.relative_to(ROOT / floor).as_posix()
            found.setdefault(room, []).append(folder.relative_to(ROOT).as_posix())
    return dict(sorted(found.items()))


def main(arguments: Sequence[str]) -> int:
    """List the rooms, or run one; what follows the room goes to pytest."""
    known = rooms()
    if not arguments:
        for name, places in known.items():
            print(f"{name:<30} {', '.join(places)}")
        return 0
    room, *options = arguments
    folders = known.get(room.strip("/"))
    if folders is None:
        print(f"no room {room}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "pytest", "--lane", "embedded", *_hands(folders), *folders, *options]
    return subprocess.call(command, cwd=ROOT)


def _hands(folders: Sequence[str]) -> Sequence[str]:
    """Two workers where the tests of a room take longer than the start of a second one."""
    slow = [folder for folder in folders if folder.startswith("tests/integration")]
    files = [path for folder in slow for path in (ROOT / folder).glob("test_*.py")]
    many = len(files) >= _FILES_WORTH_A_SECOND_HAND and (os.cpu_count() or 1) > 1
    return ("-n", "2", "--dist", "worksteal") if many else ()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
