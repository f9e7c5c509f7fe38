"""One program from MQL to C++."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ea.host.translator.calls import check_calls, check_names
from ea.host.translator.lexer import SourceError
from ea.host.translator.lint import check_bytes, check_style
from ea.host.translator.loose import loosened
from ea.host.translator.printing import print_program
from ea.host.translator.rewriting import Rewriter, collect
from ea.host.translator.sources import Program, Reader

SHIPPED: Final = Path(__file__).parents[1] / "include"


@dataclass(frozen=True, slots=True)
class Translated:
    """`cpp` is to be compiled only when there are no errors. `inputs` as (type, name)."""

    cpp: str
    errors: tuple[SourceError, ...]
    program: Program
    inputs: tuple[tuple[str, str], ...]


def translate(path: Path, *, language: int, folders: Sequence[Path] = (), own: bool = True) -> Translated:
    """Translate a program for MQL4 or MQL5 (`language`). `own`: our own sources, which the lint holds to the subset.

    :raises OSError: the file cannot be read
    """
    reader = Reader([*folders, SHIPPED], defined=(f"__MQL{language}__", "__MQL__", "__MQLBUILD__"))
    program = reader.read(path)
    names = collect(program.tokens)
    if not own and language == 4 and "strict" not in program.properties:
        program.tokens = loosened(program.tokens, names.types)
    rewriter = Rewriter(program, names)
    if own:
        program.errors += check_style(program)
        for file in program.files:
            if SHIPPED not in file.parents:
                program.errors += check_bytes(str(file), file.read_bytes())
    program.errors += check_calls(program, names.types, language) + check_names(program, language)
    words = rewriter.rewrite(program.tokens)
    cpp = print_program(program, rewriter, words, strict=own or language == 5 or "strict" in program.properties)
    return Translated(cpp, tuple(dict.fromkeys(program.errors)), program, tuple(names.inputs))
