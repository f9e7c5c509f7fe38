"""docs/conformance.md: every case, where it was run, and what came of it. No times, no dates: it is compared."""

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from tests.conformance.cases import BY_THE_EA as PLAYED
from tests.conformance.cases import CASES, REASONS, Case, Mark
from tests.conformance.record import BY_THE_EA, Outcomes, cases_of
from tests.conformance.schemas import ROOT

DOCUMENT: Final = ROOT / "docs/conformance.md"
LANES: Final[Mapping[str, tuple[str, str]]] = {
    "Daphne, SQLite": ("daphne", "embedded"),
    "Daphne, PostgreSQL": ("daphne", "production"),
    "uvicorn, SQLite": ("uvicorn", "embedded"),
    "uvicorn, PostgreSQL": ("uvicorn", "production"),
}
_HEAD: Final = """# Conformance

The catalogue of cases that a gateway must stand, and what came of each in the last run of `make conformance`, which
writes this page. A test of case 12 is named `test_case_012_...`; numbers are stable.

- **needs**: *wire* a base URL and prepared accounts; *lane* rows of the deployment as well; *sdk* the Python SDK with
  its paper terminal.
- The EA plays the cases of the SDK as well, in a table of its own below.
- **over**: both transports, unless the case names one. *rest*, *rows*, *tcp*, *sdk*: it speaks neither.
- Cases that kill, pause, restore or flood a host are not part of this suite.

```sh
make conformance                                                        # all lanes, writes this page
make conformance URL=https://gateway.example ACCOUNTS=accounts.json     # the wire cases against any deployment
```

`ACCOUNTS` is a file of the format that `manage.py provision` reads (see [operations.md](operations.md)): the run needs
a strategy with a master and two followers with plain subscriptions, each with an approved key; it opens sessions of its
own and trades positions of its own, so use accounts that nothing else uses. A case that needs other settings of a
subscription, or rows, is skipped there and says so.
"""
_THE_EA: Final = """
## The EA in the SDK's place

The cases of the SDK, and some of the wire, played by the EA of [ea/](../ea/README.md) in simulated terminals: over the
socket by the program with DLLs, over the exchange by the one without.

"""
_NOT_PLAYED: Final = """
In MetaTrader 5, where an account must hedge and there is no program with a socket, it plays the same cases over the
exchange (`exchange-mt5`). 93 is played over the socket alone: a call is lost with all that it holds, and is made again.
125, full disks, and 162 are asked where its terminals are
tried: `test_while_the_disk_is_full_nothing_is_ordered_and_then_it_is_ordered_once` in
[test_ea_faults.py](../tests/e2e/test_ea_faults.py) and `test_an_order_that_timed_out_and_fills_late_is_one_position` in
[test_ea_terminals.py](../tests/e2e/test_ea_terminals.py).
"""


@cache
def files_by_case() -> Mapping[int, set[str]]:
    """The files that have a test of each case."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in cases_of(node.name):
                    found[number].add(path.name)
    return found


def render(results: Mapping[str, Outcomes]) -> str:
    """The page. `results`: by lane's name, what was recorded there."""
    notes = _Notes()
    parts = [_HEAD]
    for section in dict.fromkeys(case.section for case in CASES.values()):
        cases = [case for case in CASES.values() if case.section == section and case.mark is not Mark.HOST]
        parts.append(f"\n## {section}\n\n{_table(cases, results, notes)}")
    parts.append(_THE_EA + _table_of_the_ea(results, notes) + _NOT_PLAYED)
    parts.append(notes.render())
    return "".join(parts)


def _table_of_the_ea(results: Mapping[str, Outcomes], notes: "_Notes") -> str:
    """What the EA played, and what was asked of it in another way."""
    head = ["by the EA", "what", "tests", "in another way", "over", *results]
    rows = [head, ["---"] * len(head)]
    for number, otherwise in PLAYED.items():
        row = _row(CASES[number], {lane: _by(outcomes, ea=True) for lane, outcomes in results.items()}, notes)
        number_text, _, what, files, over, *cells = row
        rows.append([f"EA {number_text}", what, files, otherwise or "-", over.replace(BY_THE_EA, ""), *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _by(outcomes: Outcomes, *, ea: bool) -> Outcomes:
    """What the EA played, or all else."""
    return {
        number: {name: outcome for name, outcome in found.items() if name.endswith(BY_THE_EA) is ea}
        for number, found in outcomes.items()
    }


def _table(cases: Sequence[Case], results: Mapping[str, Outcomes], notes: "_Notes") -> str:
    head = ["case", "needs", "what", "tests", "over", *results]
    others = {lane: _by(outcomes, ea=False) for lane, outcomes in results.items()}
    rows = [head, ["---"] * len(head), *(_row(case, others, notes) for case in cases)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(case: Case, results: Mapping[str, Outcomes], notes: "_Notes") -> list[str]:
    files = ", ".join(f"[{name}](../tests/conformance/{name})" for name in sorted(files_by_case().get(case.number, ())))
    ran = sorted({transport for outcomes in results.values() for transport in outcomes.get(case.number, {})})
    cells = [_cell(case, outcomes, notes) for outcomes in results.values()]
    return [str(case.number), case.mark.value, case.title, files or "-", ", ".join(reversed(ran)) or "-", *cells]


def _cell(case: Case, outcomes: Outcomes, notes: "_Notes") -> str:
    found = outcomes.get(case.number, {})
    if not found:
        return f"not run {notes.mark(REASONS[case.number])}" if case.number in REASONS else "not run"
    worst = {transport: outcome for transport, outcome in found.items() if outcome[0] != "passed"}
    if not worst:
        return "pass"
    texts = [
        f"{'**fail**' if outcome == 'failed' else 'skip'} over {transport}{notes.mark(reason)}"
        for transport, (outcome, reason) in sorted(worst.items())
    ]
    passed = [f"pass over {transport}" for transport in sorted(found.keys() - worst.keys())]
    return "; ".join([*passed, *texts])


class _Notes:
    """Reasons, numbered as they come."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        if not text:
            return ""
        if text not in self._texts:
            self._texts.append(text)
        return f" [{self._texts.index(text) + 1}]"

    def render(self) -> str:
        if not self._texts:
            return ""
        lines = "".join(f"{number}. {text}\n" for number, text in enumerate(self._texts, start=1))
        return f"\n## Reasons\n\n{lines}"
