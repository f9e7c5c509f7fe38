"""The package that a trader gets: `python -m ea.pack [FOLDER]` writes eagateway-ea-<version>.zip. Sources only.

The same sources give the same bytes, whoever packs them and when: no times, no owners, an order of names, and nothing
compressed, for compressors differ. `built-from` names the last commit that changed them.
"""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
_VERSION: Final = re.compile(r'#define EA_VERSION\s+"(\d+\.\d+)"')
_PROPERTY: Final = re.compile(r'#property version\s+"(\d+\.\d+)"')
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o100644 << 16
TREES: Final = {4: "MQL4/Experts/EAGateway", 5: "MQL5/Experts/EAGateway"}


class PackError(Exception):
    """The sources contradict each other."""


def version(folder: Path = HERE) -> str:
    """The one of core/Config.mqh. MetaEditor takes no macro in `#property version`: each program's is compared.

    :raises PackError: a program says another one
    """
    found = _VERSION.search((folder / "core" / "Config.mqh").read_text(encoding="ascii"))
    if found is None:
        raise PackError("core/Config.mqh names no EA_VERSION")
    major, minor = found[1].split(".")
    for program in sorted(folder.glob("mql[45]/*.mq[45]")):
        own = _PROPERTY.search(program.read_text(encoding="ascii"))
        if own is None or own[1] != f"{major}.{minor:0<2}":
            raise PackError(f"{program.name}: #property version is not {major}.{minor:0<2}")
    return found[1]


def contents(folder: Path = HERE) -> dict[str, bytes]:
    """What is packed, by name."""
    found = {}
    for language, tree in TREES.items():
        own = f"mql{language}"
        if (folder / own).is_dir():
            paths = [path for part in ("core", own) for path in (folder / part).glob("*.mq*")]
            for path in paths:
                found[f"{tree}/{path.parent.name}/{path.name}"] = path.read_bytes()
    for name in ("INSTALL.md", "LICENCE"):
        found[name] = (folder / name).read_bytes()
    found["built-from"] = f"version {version(folder)}\n{origin(folder)}\n".encode()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(found.items())]
    found["CHECKSUMS"] = ("\n".join(sums) + "\n").encode()
    return found


def origin(folder: Path) -> str:
    """The last commit that changed what is packed, and whether that is all."""
    paths = ["core", "mql4", "mql5", "INSTALL.md", "LICENCE"]
    commit = _git(folder, "log", "-1", "--format=%H", "--", *paths)
    if not commit:
        return "no commit: these sources are in no repository"
    changed = _git(folder, "status", "--porcelain", "--", *paths)
    return f"commit {commit}" + (", and changes that are in no commit" if changed else "")


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def pack(target: Path, folder: Path = HERE) -> Path:
    """Write the package into the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"eagateway-ea-{version(folder)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as package:
        for name, content in sorted(contents(folder).items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = _READABLE
            entry.create_system = 3
            package.writestr(entry, content)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{pack(Path(*sys.argv[1:2] or ['dist']))}\n")
