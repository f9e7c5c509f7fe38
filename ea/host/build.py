"""Translates and compiles. What was built once is kept by the hash of everything that went into it.

Workers that want the same wait for the first of them, by a lock that the kernel takes from who dies; what stands under
the name of a result is whole, as it is moved there when it is done.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ea.host.translator.translate import Translated, translate

HERE: Final = Path(__file__).parent
SOURCES: Final = Path(os.environ.get("EAGATEWAY_EA_SOURCES") or HERE.parent)
"""Where core/ and the programs stand; a copy with a fault in it, when the tests themselves are tried."""
CORE: Final = SOURCES / "core"
SHIM: Final = HERE / "shim"
PARTS: Final = ("text", "files", "terminal", "trade", "trade5", "bars", "charts", "network", "crypt", "windows")
_COMMON: Final = ("-std=c++17", "-g", "-O0", "-fwrapv", "-fno-strict-aliasing")
WARNINGS: Final = (
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wno-sign-conversion",
    "-Wno-unused-function",
    "-Wno-unused-parameter",
)
SANITIZED: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
ON_WINDOWS: Final = ("posix", "network", "windows")
"""Those of the shim that stand in win32/ for a Windows program, instead of what has their names, or beside it."""
_MINGW: Final = "i686-w64-mingw32-g++"
_FOR_WINDOWS: Final = (
    "-D_WIN32_WINNT=0x0603",
    "-D__USE_MINGW_ANSI_STDIO=1",
    "-include",
    str(SHIM / "win32" / "posix.hpp"),
)
_LINKED_FOR_WINDOWS: Final = ("-static", "-lws2_32")
FOREIGN: Final = ("-DMQL_FOREIGN", "-w", "-fpermissive", "-O0", "-ftrivial-auto-var-init=zero")


class BuildError(Exception):
    """The program does not translate or compile; the text has a line for each error."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to build. `own` as for the lint; `sanitized`: with the address and undefined-behaviour sanitizers; `fast`:
    as a terminal's compiler would, for what is measured; `windows`: a 32-bit program for Windows, as MetaTrader 4 is,
    which calls the real libraries.
    """

    language: int = 4
    own: bool = True
    sanitized: bool = False
    fast: bool = False
    windows: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What the compiler is told for the program's own file."""
        return (*_COMMON, f"-D__MQL{self.language}__", *(WARNINGS if self.own else FOREIGN), *self._extra)

    @property
    def shim_flags(self) -> tuple[str, ...]:
        """What it is told for the shim's files, which are the same for both languages."""
        return (*_COMMON, "-Wall", "-Wextra", *self._speed, *(_FOR_WINDOWS if self.windows else ()))

    @property
    def parts(self) -> tuple[str, ...]:
        """The shim's files."""
        return tuple(dict.fromkeys((*PARTS, *ON_WINDOWS))) if self.windows else PARTS

    @property
    def _extra(self) -> tuple[str, ...]:
        return (*(SANITIZED if self.sanitized else ()), *self._speed)

    @property
    def _speed(self) -> tuple[str, ...]:
        return ("-O2",) if self.fast else ()


def compiler() -> str | None:
    """The C++ compiler of this machine, or None."""
    return os.environ.get("EAGATEWAY_CXX") or shutil.which("g++")


def compiler_for_windows() -> str | None:
    """That for 32-bit programs of Windows, or None. Of the two that Debian has, the one whose library has threads."""
    return os.environ.get("EAGATEWAY_MINGW") or shutil.which(f"{_MINGW}-posix") or shutil.which(_MINGW)


def build(path: Path, options: Options | None = None, *, folders: Sequence[Path] = (CORE,)) -> Path:
    """The executable of a program.

    :raises BuildError: with a line for each error
    """
    chosen = options or Options()
    translated = translate(path, language=chosen.language, folders=folders, own=chosen.own)
    if translated.errors:
        raise BuildError("\n".join(map(str, translated.errors)))
    return build_translated(translated, chosen)


def build_translated(translated: Translated, options: Options) -> Path:
    """The executable of a translated program; as `build`."""
    with ThreadPoolExecutor(max_workers=2) as hands:
        objects = list(hands.map(lambda part: _shim_object(part, options), options.parts))
    cpp = (_called_as_windows(translated.cpp) if options.windows else translated.cpp).encode()
    source = _kept("cpp", [cpp])
    if not source.exists():
        _store(source, cpp)
    shim = [path.read_bytes() for path in sorted(SHIM.glob("*.hpp"))]
    made_of = [cpp, repr(options.flags).encode(), *shim, *(str(part).encode() for part in objects)]
    program = _kept("exe" if options.windows else "run", made_of)
    linked = ["-x", "c++", str(source), "-x", "none", *map(str, objects)]
    more = _LINKED_FOR_WINDOWS if options.windows else ()
    compile_once(program, [*options.flags, "-isystem", str(SHIM), *linked, *more], windows=options.windows)
    return program


def _called_as_windows(cpp: str) -> str:
    """Functions of DLLs clear the stack themselves; those of the program do not."""
    return cpp.replace(" (*F)(", " (__stdcall *F)(")


def _shim_object(part: str, options: Options) -> Path:
    there = options.windows and part in ON_WINDOWS
    source = (SHIM / "win32" if there else SHIM) / f"{part}.cpp"
    headers = sorted(SHIM.glob("*.hpp")) + (sorted(SHIM.glob("win32/*.hpp")) if options.windows else [])
    inputs = [source.read_bytes(), *(path.read_bytes() for path in headers)]
    target = _kept("o", [*inputs, repr(options.shim_flags).encode()])
    found = ["-isystem", str(SHIM)] if there else []
    compile_once(target, [*options.shim_flags, *found, "-c", str(source)], windows=options.windows)
    return target


def _kept(kind: str, inputs: Iterable[bytes]) -> Path:
    """Where the result of these inputs is kept."""
    digest = hashlib.sha256()
    for one in inputs:
        digest.update(len(one).to_bytes(8, "big") + one)
    folder = Path(os.environ.get("EAGATEWAY_EA_BUILD") or HERE.parents[1] / "data" / "ea")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest.hexdigest()[:32]}.{kind}"


def _store(target: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(content)
    Path(file.name).rename(target)


def compile_once(target: Path, arguments: Sequence[str], *, windows: bool = False) -> None:
    """Compile to `target`, if nobody has. Who comes while another one compiles it waits for him.

    :raises BuildError: the compiler refuses, or warns
    """
    if target.exists():
        return
    with _alone(target):
        if not target.exists():
            _compile(target, arguments, compiler_for_windows() if windows else compiler())


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Nobody else makes this target meanwhile. Closing the file ends it, and so does the death of the process."""
    with target.with_suffix(f"{target.suffix}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compile(target: Path, arguments: Sequence[str], found: str | None) -> None:
    """In a folder of its own: a compiler that outlives its builder writes into none that somebody uses."""
    if found is None:
        raise BuildError("no C++ compiler here: install g++, or name one in EAGATEWAY_CXX")
    drafts = f"{target.name}."
    for left in target.parent.glob(f"{drafts}*.draft"):  # by builders that were killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=drafts, suffix=".draft", dir=target.parent) as folder:
        made = Path(folder) / ("made.exe" if target.suffix == ".exe" else "made")
        command, plain = [found, *arguments, "-o", str(made)], {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)  # noqa: S603
        if done.returncode or "warning:" in done.stderr:
            raise BuildError(done.stderr)
        made.rename(target)
