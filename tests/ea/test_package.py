"""The package: the same sources give the same bytes, and what is in it is all that a program needs."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from ea.host.translator.translate import translate
from ea.pack import HERE, PackError, pack, version


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The sources in another place, as old as the hills."""
    folder = tmp_path / "elsewhere" / "ea"
    for part in ("core", "mql4", "mql5"):
        if (HERE / part).is_dir():
            shutil.copytree(HERE / part, folder / part)
    for name in ("INSTALL.md", "LICENCE"):
        shutil.copyfile(HERE / name, folder / name)
    for path in folder.rglob("*.mq*"):
        os.utime(path, (86_400, 86_400))
    return folder


def test_packing_twice_gives_the_same_bytes_wherever_and_whenever(tmp_path: Path, copied: Path) -> None:
    one, two = pack(tmp_path / "one"), pack(tmp_path / "two")
    assert one.name == f"eagateway-ea-{version()}.zip"
    assert one.read_bytes() == two.read_bytes()
    assert pack(tmp_path / "three", copied).read_bytes() == pack(tmp_path / "four", copied).read_bytes()
    with zipfile.ZipFile(one) as here, zipfile.ZipFile(tmp_path / "three" / one.name) as there:
        assert here.namelist() == there.namelist()
        differ = {name for name in here.namelist() if here.read(name) != there.read(name)}
    assert differ == {"built-from", "CHECKSUMS"}  # the copy is in no repository, and says so


def test_a_changed_source_changes_the_package(tmp_path: Path, copied: Path) -> None:
    before = pack(tmp_path / "before", copied).read_bytes()
    (copied / "core" / "Guards.mqh").write_text("//\n", encoding="ascii")
    assert pack(tmp_path / "after", copied).read_bytes() != before


def test_what_is_unpacked_has_its_sums_and_all_that_its_programs_include(tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(tmp_path)) as package:
        package.extractall(tmp_path / "data")
        names = set(package.namelist())
    sums = dict(line.split("  ")[::-1] for line in (tmp_path / "data" / "CHECKSUMS").read_text().splitlines())
    assert sums.keys() == names - {"CHECKSUMS"}
    for name, told in sums.items():
        assert hashlib.sha256((tmp_path / "data" / name).read_bytes()).hexdigest() == told, name
    programs = sorted((tmp_path / "data").rglob("*.mq[45]"))
    assert [path.name for path in programs] == [path.name for path in sorted(HERE.glob("mql[45]/*.mq[45]"))]
    for program in programs:
        assert translate(program, language=int(program.suffix[-1])).errors == ()
    assert "F7" in (tmp_path / "data" / "INSTALL.md").read_text(encoding="utf-8")


def test_a_program_of_another_version_is_not_packed(copied: Path, tmp_path: Path) -> None:
    program = copied / "mql4" / "EAGatewayNoDll.mq4"
    program.write_text(program.read_text().replace('#property version   "', '#property version   "9'))
    with pytest.raises(PackError, match=r"EAGatewayNoDll\.mq4"):
        pack(tmp_path, copied)
