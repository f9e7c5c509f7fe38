"""Programs that others have written: which of them translate, compile and run here, and what is missing."""

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from ea.host.build import BuildError, Options, build_translated
from ea.host.sim.bars import waves
from ea.host.sim.broker import Broker, Quote
from ea.host.sim.hedging import FILL_OR_KILL, IMMEDIATE_OR_CANCEL, Hedging
from ea.host.sim.terminal import Terminal
from ea.host.translator.lexer import SourceError, decode, without_comments
from ea.host.translator.translate import translate

TICKS: Final = 1000
_SECONDS: Final = 120
_MOST: Final = 10
_COMPILER: Final = re.compile(r"(.+?):(\d+):\d+: (?:fatal )?error: (.*)")
_WORDS: Final = (
    (r"switch quantity|default type conversion", "switch takes whole numbers: write if and else for a text"),
    (r"'(\w+)' was not declared", r"\1 is not known here: declare it, or include the file that does"),
    (r"no matching function for call to '(?:ea::)?(\w+)", r"\1 is not called so: look at its arguments"),
    (r"'(?:class|struct) (?:ea::)?(\w+)' has no member named '(\w+)", r"\1 has no \2"),
    (r"'(\w+)' (?:does not name a type|has not been declared)", r"\1 is no type here: include the file that has it"),
)
"""What the compiler says, and what a writer of MQL is to do."""
_BEGIN: Final = 1_700_000_000.0
_EVERY: Final = 20
_SPREAD: Final = Decimal("0.00010")


@dataclass(slots=True)
class Tried:
    """How far a program came: `stage` is `no EA`, `not translated`, `not compiled`, `compiled`, `stopped` or `ran`.

    `missing`: what the translator found, with file and line. `orders`: how many it sent in its ticks. `note`: the first
    error of the compiler or the last word of the program.
    """

    path: Path
    stage: str
    missing: tuple[SourceError, ...] = ()
    orders: int = 0
    note: str = ""
    compiled: bool = field(default=False)


def programs(folder: Path) -> list[Path]:
    """The EAs and scripts below a folder: files with an event, in order of names."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in (".mq4", ".mq5"))
    return sorted(path for path in found if path.is_file())


def is_indicator(path: Path) -> bool:
    """Whether it draws, and trades nothing."""
    text = without_comments(decode(path.read_bytes()))
    return re.search(r"^\s*#property\s+indicator_(?:chart|separate)_window", text, re.M) is not None


def _told(line: str) -> SourceError:
    """An error of the compiler, in the words of MQL where it has some."""
    found = _COMPILER.match(line)
    if found is None:
        return SourceError("", 0, line)
    said = found[3]
    for pattern, words in _WORDS:
        if matched := re.search(pattern, said):
            said = matched.expand(words)
            break
    return SourceError(found[1], int(found[2]), said)


def try_program(path: Path, *, folders: Sequence[Path], run: bool = True) -> Tried:
    """Translate, compile, and run for a thousand ticks."""
    if is_indicator(path):
        return Tried(path, "no EA", note="an indicator: this tries what trades")
    language = 5 if path.suffix.lower() == ".mq5" else 4
    try:
        translated = translate(path, language=language, folders=folders, own=False)
    except (OSError, UnicodeError, IndexError) as error:
        return Tried(path, "not translated", note=f"{type(error).__name__}: {error}")
    if translated.errors:
        return Tried(path, "not translated", translated.errors)
    try:
        program = build_translated(translated, Options(language=language, own=False))
    except BuildError as error:
        said = [line for line in str(error).splitlines() if "error:" in line]
        return Tried(path, "not compiled", tuple(map(_told, said[:_MOST])), note=said[0] if said else str(error)[:200])
    return _run(path, program) if run else Tried(path, "compiled", compiled=True)


def _run(path: Path, program: Path) -> Tried:
    broker = Broker()
    broker.sleep = lambda _: None
    moves = _moves(broker)
    hedging = Hedging(broker, filling=FILL_OR_KILL | IMMEDIATE_OR_CANCEL) if path.suffix.lower() == ".mq5" else None
    with tempfile.TemporaryDirectory() as folder, Terminal(broker, Path(folder), hedging) as terminal:
        next(moves)
        terminal.told.market = lambda: next(moves)
        for _ in range(TICKS):
            terminal.tick()
        terminal.remove()
        terminal.start(program, MQL_SLEEP_TICKS="1", MQL_LENIENT="1")
        try:
            status = terminal.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            return Tried(path, "stopped", orders=len(broker.sent), note=f"not done in {_SECONDS} s", compiled=True)
    said = terminal.said()
    stage = "ran" if status == 0 else "stopped"
    return Tried(path, stage, orders=len(broker.sent), note=said[-1] if said else "", compiled=True)


def _moves(broker: Broker) -> Iterator[None]:
    """The price of the bars, and twenty seconds more with each tick; the same in each run."""
    place = 0
    broker.clock = lambda: _BEGIN + _EVERY * place
    while True:
        bid = Decimal(f"{waves(broker.clock()):.5f}")
        broker.quotes["EURUSD"] = Quote(bid, bid + _SPREAD)
        place += 1
        yield


def report(tried: Sequence[Tried], root: Path) -> Iterator[str]:
    """A line for each program, then what is missing, the most wanted first, then where."""
    stages = Counter(one.stage for one in tried)
    for one in tried:
        name = str(one.path.relative_to(root))
        why = f"{len(one.missing)} errors, first {one.missing[0].message}" if one.missing else one.note
        yield f"{one.stage:<15} {one.orders:>5} orders  {name}  {why[:150]}"
    yield ""
    yield f"{len(tried)} programs: " + ", ".join(f"{count} {stage}" for stage, count in stages.most_common())
    yield f"{sum(one.orders > 0 for one in tried)} traded"
    wanted = Counter(message for one in tried for message in {error.message for error in one.missing})
    yield from (f"{count:>4} programs: {message}" for message, count in wanted.most_common(40))
    yield ""
    for one in tried:
        yield from map(str, one.missing)
