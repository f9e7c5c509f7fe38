"""Text.mqh and the JSON writer against Python's own: checksums, decimals, times."""

import json
import random
import zlib
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
CHANCE = random.Random(20261129)


def ask(questions: list[tuple[str, ...]], folder: Path) -> list[str]:
    """The probe's answers."""
    text = "".join("\t".join(words) + "\n" for words in questions)
    (folder / "in.txt").write_text(text, encoding="utf-8", newline="")
    done = run("TextProbe", folder)
    assert done.returncode == 0, done.stdout
    return (folder / "out.txt").read_text(encoding="utf-8").split("\n")[: len(questions)]


def fnv64(data: bytes) -> int:
    """FNV-1a, by its definition."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def test_checksums_are_those_of_the_standards(tmp_path: Path) -> None:
    texts = ["a", "EURUSD.\u00a3", "\u20ac\U0001f600", "x" * 3000]
    answers = ask([(kind, text) for text in texts for kind in ("crc", "fnv")], tmp_path)
    assert answers[::2] == [f"{zlib.crc32(text.encode()):08x}" for text in texts]
    assert answers[1::2] == [f"{fnv64(text.encode()):016x}" for text in texts]


def test_an_integer_has_64_bits_or_is_none(tmp_path: Path) -> None:
    good = ["0", "-1", "007", str(2**63 - 1), str(-(2**63)), "1234567890123456789"]
    bad = ["", "-", "+1", "1.0", "1 ", str(2**63), str(-(2**63) - 1), "99999999999999999999", "0x10", "1e3"]
    answers = ask([("integer", text) for text in good + bad], tmp_path)
    assert answers == [str(int(text)) for text in good] + ["none"] * len(bad)


def test_a_number_is_written_to_the_last_digit_and_never_as_minus_nothing(tmp_path: Path) -> None:
    values = [CHANCE.uniform(-1, 1) * 10 ** CHANCE.randint(-8, 9) for _ in range(300)] + [
        -0.001,
        -0.0,
        0.5,
        1.5,
        -2.675,
    ]
    questions = [(repr(value), CHANCE.randint(0, 8)) for value in values]
    answers = ask([("decimal", text, str(digits)) for text, digits in questions], tmp_path)
    for (text, digits), answer in zip(questions, answers, strict=True):
        exact = Decimal(float(text)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        assert answer == format(exact if exact else abs(exact), "f")


def test_what_is_no_number_is_not_written(tmp_path: Path) -> None:
    assert ask([("decimal", text, "2") for text in ("nan", "inf", "-inf", "2147483647")], tmp_path) == [""] * 4


def test_only_what_the_wire_calls_a_decimal_is_one(tmp_path: Path) -> None:
    good = ["0", "-0.00", "1.5", "12345678901234567890.12345678901234567890"]
    bad = [
        "",
        "-",
        "1.",
        ".5",
        "+1",
        "1e5",
        "1,5",
        " 1",
        "1 ",
        "--1",
        "1.2.3",
        "123456789012345678901",
        "1." + "1" * 21,
    ]
    answers = ask([("isdecimal", text) for text in good + bad], tmp_path)
    assert answers == ["yes"] * len(good) + ["no"] * len(bad)


def test_times_go_out_and_come_back(tmp_path: Path) -> None:
    moments = [CHANCE.randint(1, 4 * 10**9) for _ in range(50)] + [951782400, 1709164799]
    shown = ask([("time", str(moment), "7") for moment in moments], tmp_path)
    assert shown == [f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.007Z" for moment in moments]
    assert ask([("instant", text) for text in shown], tmp_path) == [str(moment * 1000 + 7) for moment in moments]
    odd = {
        "2026-11-23T04:00:00Z": 1795406400000,
        "2026-11-23T04:00:00.123456Z": 1795406400123,
        "2026-11-23": -1,
        "": -1,
    }
    assert ask([("instant", text) for text in odd], tmp_path) == [str(value) for value in odd.values()]


def test_an_answer_is_cut_into_frames_by_its_brackets(tmp_path: Path) -> None:
    frames = ['{"a":"}{\\""}rest', '{"a":[1,{"b":2}]}]', "[{}]", '{"a":"', "{", "}"]
    assert ask([("end", text) for text in frames], tmp_path) == ["12", "17", "4", "-1", "-1", "-1"]


def test_what_is_written_is_json_with_the_same_values(tmp_path: Path) -> None:
    texts = ["plain", 'quote " back \\ slash', "\u20ac \U0001f600", "\x01\x1f", ""]
    answers = ask([("write", text, "-0.001", "2") for text in texts], tmp_path)
    assert [json.loads(answer) for answer in answers] == [
        {"text": text, "number": "0.00", "list": [2, True, None]} for text in texts
    ]
