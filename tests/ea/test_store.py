"""Store.mqh: what is in memory is the fold of the journal: the same after a start, and after it was written anew."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
HISTORIES: Final = 60


def command(number: int, copy_no: int, action: str, attempt: int = 1) -> str:
    """The payload of an OrderCommand."""
    fields = {"command_id": f"c{number}", "action": action, "copy_no": copy_no, "magic": 0x5A000000 + copy_no}
    return json.dumps({**fields, "position_id": copy_no, "attempt": attempt, "lots": "0.10"}, separators=(",", ":"))


def frame(number: int) -> str:
    """One frame of the outbox as a part of a record."""
    return f'Fid-{number} ExecutionReport 5 1 {{"n":{number}}}'


def row(ticket: int) -> str:
    """One order of the baseline as a part of a record."""
    return f"+{ticket}|0|0.10000000|1.10000000|7|0.00000000|0.00000000|0|0|{ticket}|0.00001000|EURUSD.a b"


def do(lines: Sequence[str], folder: Path) -> list[str]:
    """What the program says to these orders."""
    (folder / "in.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run("StoreProbe", folder)
    assert done.returncode == 0, done.stdout
    assert "not written" not in done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("=")]


def history(chance: random.Random) -> list[str]:
    """A random life of an account, in records."""
    lines, seq, number = ["I pc~/data", "E e1", "N s1 1"], 0, 0
    begun: list[str] = []
    for step in range(chance.randrange(5, 40)):
        match chance.randrange(9):
            case 0 | 1:
                seq, number = seq + 1, number + 1
                action = chance.choice(("open", "close", "modify", "partial_close", "place"))
                lines.append(f"R {seq} f{seq} {step} {command(number, chance.randrange(1, 4), action)}")
                begun.append(f"c{number} 1")
            case 2 if begun:
                lines.append(f"S {chance.choice(begun)} 0 {step}")
            case 3 if begun:
                lines.append(
                    f"D {chance.choice(begun)} {chance.randrange(2)} {step}~{frame(step)}~X{chance.randrange(1, 20)}"
                )
            case 4 if begun:
                lines.append(f"U {chance.choice(begun)}~{frame(step)}")
            case 5:
                lines.append(f"O {step}~{frame(step)}~{row(chance.randrange(1, 9))}~-{chance.randrange(1, 9)}")
            case 6:
                lines.append(f"A {chance.randrange(1, 12)}")
            case 7:
                seq += 1
                lines.append(f"G {seq} {seq + 1}")
            case 8:
                lines.append(chance.choice(("K master", "B 0", "C 12", "N s2 1", "N s2 5")))
    return lines


def test_memory_and_disk_say_the_same_after_a_start_and_after_compaction(tmp_path: Path) -> None:
    chance, script = random.Random(13), []
    for number in range(HISTORIES):
        name = f"open h{number}"
        script += [
            name,
            *history(chance),
            "dump",
            "close",
            name,
            "dump",
            "compact",
            "dump",
            "close",
            name,
            "dump",
            "close",
        ]
    told = do(script, tmp_path)
    assert len(told) == 4 * HISTORIES
    assert len(set(told)) == HISTORIES
    for one, *others in (told[place : place + 4] for place in range(0, len(told), 4)):
        assert others == [one] * 3


def test_what_a_new_log_of_the_gateway_brings_is_done_anew_revived_or_asked_about(tmp_path: Path) -> None:
    first = [f"R {n} f{n} 1 {command(n, n, 'open')}" for n in (1, 2, 3)]
    done = ["S c1 1 0 2", f"D c1 1 0 3~{frame(1)}", "S c2 1 0 4", "E e2"]
    again = [f"R {n} g{n} 5 {command(n, n, 'open')}" for n in (1, 2, 3)]
    (told,) = do(["open store", "E e1", *first, *done, *again, "dump"], tmp_path)
    states = [part.split()[:4] for part in told.split(" | ")[2:5]]
    # done, sending, dropped before it was begun
    assert states == [["c1:1", "e2", "S", "1"], ["c2:1", "e2", "S", "2"], ["c3:1", "e2", "R", "3"]]


def test_a_command_waits_for_its_own_copy_only(tmp_path: Path) -> None:
    lines = ["open store", "E e1", f"R 1 f1 1 {command(1, 1, 'open')}", f"R 2 f2 1 {command(2, 1, 'close')}"]
    lines += [f"R 3 f3 1 {command(3, 2, 'close')}", "dump", "S c1 1 0 2", "dump", f"D c1 1 0 3~{frame(1)}", "dump"]
    told = do(lines, tmp_path)
    assert [part.rpartition("| ")[2].split(" next")[0] for part in told] == [
        "ready 0 doubt -1", "ready 2 doubt 0", "ready 1 doubt -1",
    ]  # fmt: skip


def test_what_is_acknowledged_waits_no_more_and_what_follows_it_does(tmp_path: Path) -> None:
    lines = ["open store", "E e1", "N s1 1", *(f"O {n}~{frame(n)}" for n in (1, 2, 3)), "A 2", "dump", "A 3", "dump"]
    waiting = [[part[:2] for part in told.split(" | ") if part.startswith("F")] for told in do(lines, tmp_path)]
    assert waiting == [["F3"], []]


TOLD: Final = {
    "{}": "2 0 0 40 30 open known",
    '{"max_lots":"0.5","max_open_copies":3,"min_equity":"100.5"}': "0.5 3 100.5 40 30 open known",
    '{"max_lots":"5","max_spread_points":50,"max_slippage_points":50}': "2 0 0 40 30 open known",
    '{"max_spread_points":10,"max_slippage_points":0}': "2 0 0 10 0 open known",
    '{"max_lots":null,"min_equity":null,"close_only":false}': "2 0 0 40 30 open known",
    '{"close_only":true}': "2 0 0 40 30 paused known",
    '{"max_open_copies":0}': "2 0 0 40 30 paused known",
    '{"max_moons":1}': "2 0 0 40 30 open unknown",
    '{"max_lots":"much"}': "2 0 0 40 30 open unknown",
    "{": "2 0 0 40 30 open unknown",
}


def test_the_stricter_of_the_owners_limits_and_the_gateways_holds(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"limits {told}\n" for told in TOLD), encoding="utf-8")
    said = run("StoreProbe", tmp_path).stdout.splitlines()
    assert [line.removeprefix("limits ") for line in said if line.startswith("limits ")] == list(TOLD.values())


def test_limits_that_were_told_hold_after_a_start_and_after_it_was_written_anew(tmp_path: Path) -> None:
    told = 'W {"max_lots":"0.5"}'
    do(["open j", "I pc~/data", told, "close", "open j", "compact", "close"], tmp_path)
    assert told.encode() in (tmp_path / "j.log").read_bytes()
