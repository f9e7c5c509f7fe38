"""A disk of a few megabytes, which a test may fill to the last byte."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.services.binaries import NotInstalledError

_BALLAST: Final = "ballast"


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, in memory."""

    folder: Path

    def fill(self) -> None:
        """Leave no block free."""
        with (self.folder / _BALLAST).open("ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                try:
                    while ballast.write(b"\0" * size) == size:
                        pass
                except OSError:  # there is no room for a piece of this size
                    continue

    def give_room(self) -> None:
        """What `fill` took."""
        (self.folder / _BALLAST).unlink()


@contextmanager
def small_disk(mebibytes: int) -> Iterator[SmallDisk]:
    """Mounted for the block.

    :raises NotInstalledError: who runs the tests may not mount
    """
    folder = Path(tempfile.mkdtemp(prefix="eag-small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(folder)]
    try:
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            raise NotInstalledError("a disk of its own needs the right to mount one")
        try:
            yield SmallDisk(folder)
        finally:
            # Lazily: a log may still be open.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()
