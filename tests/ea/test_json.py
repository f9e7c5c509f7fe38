"""Json.mqh against Python's json: what is taken, what is refused, and every digit."""

import json
import random
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
DEPTH: Final = 16
TOKENS: Final = 4096
_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGERS: Final = range(-(2**63), 2**63)


class _RepeatedKeyError(ValueError):
    pass


class _Number(str):
    """A number that is no integer of 64 bits, as it was written."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [_shown(key) for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise _RepeatedKeyError
    return dict(pairs)


def _shown(text: str) -> str:
    """What a text becomes: half of a pair and the zero are U+FFFD."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if text else text
    whole = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return (whole if any("\ud800" <= character <= "\udfff" for character in text) else paired).replace("\0", "\ufffd")


def _refuse(name: str) -> None:
    raise ValueError(name)


def _integer(text: str) -> int | _Number:
    return int(text) if len(text) < 25 and int(text) in _INTEGERS and text != "-0" else _Number(text)


def expected(frame: bytes) -> str | None:
    """What the probe should say of a frame; None: it should refuse it."""
    if not 1 <= len(frame) <= 16384:
        return None
    try:
        value = json.loads(
            frame.decode("utf-8"), object_pairs_hook=_unique, parse_int=_integer, parse_float=_Number,
            parse_constant=_refuse,
        )  # fmt: skip
    except (ValueError, RecursionError):
        return None
    return dump(value) if _depth(value) <= DEPTH and _tokens(value) <= TOKENS else None


def dump(value: Any) -> str:
    """A value in the probe's way."""
    match value:
        case dict():
            return "{" + "".join(f"{dump(key)},{dump(one)}," for key, one in value.items()) + "}"
        case list():
            return "[" + "".join(dump(one) + "," for one in value) + "]"
        case _Number():
            return "n" + value if value != "-0" else "i0"
        case str():
            shown = _shown(value)
            units = shown.encode("utf-16-be").hex()
            return f"s{units}" + ("d" if _DECIMAL.fullmatch(shown) else "")
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case _:
            return f"i{value}"


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _tokens(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_tokens, value.values()))
    return 1 + (sum(map(_tokens, value)) if isinstance(value, list) else 0)


def told(frames: Sequence[bytes], folder: Path) -> list[str | None]:
    """What the probe says of each; None: refused."""
    (folder / "in.bin").write_bytes(b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames))
    done = run("JsonProbe", folder)
    assert done.returncode == 0, done.stdout
    lines = (folder / "out.bin").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == len(frames)
    return [line[1:] if line.startswith("+") else None for line in lines]


def check(frames: Sequence[bytes], folder: Path) -> int:
    """Compare all; how many were taken."""
    answers = told(frames, folder)
    for frame, answer in zip(frames, answers, strict=True):
        assert answer == expected(frame), frame
    return sum(answer is not None for answer in answers)


_TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["1.50", "-0.00000001", "1e5", ".5", "1."]
)
_VALUE: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(values=st.lists(_VALUE, min_size=30, max_size=30), seed=st.integers(0, 2**32), escaped=st.booleans())
def test_any_json_is_read_as_python_reads_it_also_when_bytes_of_it_are_changed(
    values: list[Any], seed: int, escaped: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(seed)
    frames = [json.dumps(value, ensure_ascii=escaped, indent=chance.choice([None, 1])).encode() for value in values]
    broken = [mutated(frame, chance) for frame in frames for _ in range(20)]
    assert check(frames + broken, tmp_path_factory.mktemp("json")) >= len(frames) - 5


def mutated(frame: bytes, chance: random.Random) -> bytes:
    changed = bytearray(frame)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0 if place < len(changed):
                changed[place] = chance.randrange(256)
            case 1 if place < len(changed):
                changed[place] = ord(chance.choice('{}[],:"\\0123456789eE+-.tfnu \n'))
            case 2:
                del changed[place : place + chance.randint(1, 4)]
            case _:
                changed[place:place] = chance.choice(string.printable).encode()
    return bytes(changed)


@pytest.mark.parametrize(
    "frame",
    [
b'"\\ud83d"', b'"\\ud83d\\ude00"', b'"\\ude00\\ud83d"', b'"\\u0000a"', b'"\xed\xa0\x80"', b'"\xc0\x80"',
        b'"\xf4\x90\x80\x80"', b'"\xf0\x9f\x98\x80"', b'{"a":1,"\\u0061":2}', b'{"a":1,"a":2}', b'{"a":{"a":1}}',
        b"01", b"-", b"-0", b"-0.0", b"1.", b".5", b"+1", b"1e5", b"1E+05", b"9223372036854775807",
        b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809", b"NaN", b"Infinity", b"nul",
        b"true false", b"[1,]", b'{"a",1}', b"[1}", b'{"a":1]', b"", b" ", b"[", b'"', b'"\\', b'"\\u12',
        b'"\\x41"', b'"a\x01b"', b"[1] \x00", b"\xef\xbb\xbf[]", b"[" * 16 + b"]" * 16, b"[" * 17 + b"]" * 17,
        b"[" + b"1," * 4094 + b"1]", b"[" + b"1," * 4095 + b"1]", b'"' + b"x" * 16382 + b'"',
        b'"' + b"x" * 16383 + b'"', b'{"":0}', b"{}", b"[[],{},[[]]]",
    ],
    ids=lambda frame: repr(frame[:20]),
)  # fmt: skip
def test_a_frame_at_the_edge_is_judged_as_python_and_our_bounds_judge_it(frame: bytes, tmp_path: Path) -> None:
    check([frame], tmp_path)


def test_the_bounds_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    deep, too_deep = b"[" * 16 + b"]" * 16, b"[" * 17 + b"]" * 17
    many, too_many = b"[" + b"1," * 4094 + b"1]", b"[" + b"1," * 4095 + b"1]"
    long, too_long = b'"' + b"x" * 16382 + b'"', b'"' + b"x" * 16383 + b'"'
    taken = [answer is not None for answer in told([deep, too_deep, many, too_many, long, too_long], tmp_path)]
    assert taken == [True, False, True, False, True, False]
