"""Command line: `python -m ea.host build FILE`, `lint FILE...`, `foreign DIR`."""

import argparse
import sys
from pathlib import Path

from ea.host.build import CORE, BuildError, Options, build
from ea.host.foreign import programs, report, try_program
from ea.host.translator.translate import translate


def main(arguments: list[str]) -> int:
    """The exit status: 0 fine, 1 errors found."""
    parser = argparse.ArgumentParser(prog="python -m ea.host", description="Builds MQL programs without MetaTrader")
    orders = parser.add_subparsers(dest="order", required=True)
    building = orders.add_parser("build", help="translate and compile one of our programs; prints the executable")
    building.add_argument("file", type=Path)
    building.add_argument(
        "--sanitized", action="store_true", help="with the address and undefined-behaviour sanitizers"
    )
    linting = orders.add_parser("lint", help="errors of our sources, with file and line")
    linting.add_argument("files", type=Path, nargs="+")
    linting.add_argument("--language", type=int, choices=(4, 5), default=4)
    trying = orders.add_parser("foreign", help="translate, compile and run programs that others have written")
    trying.add_argument("folder", type=Path)
    trying.add_argument("--no-run", action="store_true", help="compile only")
    given = parser.parse_args(arguments)
    if given.order == "build":
        return _build(given.file, sanitized=given.sanitized)
    if given.order == "lint":
        return _lint(given.files, given.language)
    return _foreign(given.folder, run=not given.no_run)


def _build(file: Path, *, sanitized: bool) -> int:
    try:
        print(build(file, Options(language=5 if file.suffix.lower() == ".mq5" else 4, sanitized=sanitized)))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _lint(files: list[Path], language: int) -> int:
    errors = [error for file in files for error in translate(file, language=language, folders=[CORE]).errors]
    for error in dict.fromkeys(errors):
        print(error)
    return 1 if errors else 0


def _foreign(folder: Path, *, run: bool) -> int:
    includes = sorted({path for path in folder.rglob("Include") if path.is_dir()})
    tried = [try_program(path, folders=[folder, *includes], run=run) for path in programs(folder)]
    for line in report(tried, folder):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
