"""Journal.mqh: what was promised is there after any crash, and nothing is believed that was not written."""

import fcntl
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
RECORDS: Final = [
    ("I", "pc-7 1"), ("E", "epoch-1"), ("R", '7 {"copy_no":1,"symbol":"EURUSD.\u00a3"}'), ("S", "7 9000"),
    ("D", '7 {"status":"filled","ticket":9001}'), ("R", "8 {}"), ("V", "8"), ("O", "1 frame"), ("A", "1"),
]  # fmt: skip
STATES: Final = {"ready": "1", "in use": "2", "full": "3"}


def line(kind: str, fields: str) -> bytes:
    """One record, by the format's description."""
    body = f"{kind} {fields}".encode()
    return b"%05d %s %08x\n" % (len(body), body, zlib.crc32(body))


WHOLE: Final = b"".join(line(kind, fields) for kind, fields in RECORDS)


def do(orders: Sequence[str], folder: Path, **environment: str) -> list[str]:
    """Carry the orders out; what was said."""
    (folder / "script.txt").write_text("\n".join(orders) + "\n", encoding="utf-8")
    done = run("JournalProbe", folder, environment=environment)
    assert done.returncode in (0, 137), done.stdout
    return done.stdout.splitlines()


def shown(said: Sequence[str]) -> list[tuple[str, str]]:
    """The records of a dump."""
    return [(words[1], words[2]) for words in (one.split(" ", 2) for one in said) if words[0] == "="]


def adds() -> list[str]:
    """Orders that write all records."""
    return [f"add\t{kind}\t{fields}" for kind, fields in RECORDS]


def without_tombstones(records: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a compaction leaves of them."""
    return [one for one in records if one[0] != "T"]


def whole_records(data: bytes) -> int:
    """How many records stand whole at the beginning."""
    count = end = 0
    for kind, fields in RECORDS:
        end += len(line(kind, fields))
        count += end <= len(data)
    return count


def test_what_is_written_is_read_again_and_has_the_format_that_is_described(tmp_path: Path) -> None:
    said = do(["open\tj", *adds(), "close", "open\tj", "dump"], tmp_path)
    assert shown(said) == RECORDS
    assert (tmp_path / "j.log").read_bytes() == WHOLE


def test_a_file_cut_at_any_byte_keeps_every_whole_record_and_takes_new_ones(tmp_path: Path) -> None:
    orders = []
    for place in range(len(WHOLE) + 1):
        (tmp_path / f"c{place}.log").write_bytes(WHOLE[:place])
        orders += [f"open\tc{place}", "add\tX\tnew", "close", f"open\tc{place}", "dump"]
    books = "\n".join(do(orders, tmp_path)).split("open true 1 false\nadd true new\n")[1:]
    assert len(books) == len(WHOLE) + 1
    for place, book in enumerate(books):
        assert without_tombstones(shown(book.splitlines())) == [*RECORDS[: whole_records(WHOLE[:place])], ("X", "new")]


def test_a_byte_that_has_changed_ends_the_file_and_a_damaged_middle_is_told_and_kept(tmp_path: Path) -> None:
    orders = []
    for place in range(len(WHOLE)):
        flipped = bytearray(WHOLE)
        flipped[place] ^= 1 << place % 8
        (tmp_path / f"f{place}.log").write_bytes(flipped)
        orders += [f"open\tf{place}", "dump"]
    books = "\n".join(do(orders, tmp_path)).split("open true 1 ")[1:]
    last = len(WHOLE) - len(line(*RECORDS[-1]))
    for place, book in enumerate(books):
        damaged, *rest = book.splitlines()
        before = whole_records(WHOLE[:place])
        records = without_tombstones(shown(rest))
        assert records == RECORDS[:before], place
        in_middle = place < last - 1  # the last line's end feed joins it to nothing that could be whole
        assert (damaged == "true") == (tmp_path / f"f{place}.bad").exists()
        if in_middle and before < len(RECORDS) - 2:
            assert damaged == "true", place


def test_killed_at_any_byte_of_any_write_it_keeps_what_it_had_promised(tmp_path: Path) -> None:
    orders = ["open\tj", *adds()[:6], "compact\tIERD", *adds()[6:]]
    total = len(WHOLE) * 2
    for death in range(0, total, 13):
        folder = tmp_path / str(death)
        folder.mkdir()
        said = do(orders, folder, MQL_DIE_AT_BYTE=str(death))
        promised = sum(one.startswith("add true") for one in said)
        compacted = "compact true 1" in said
        kept = without_tombstones(shown(do(["open\tj", "dump"], folder)))
        possible = _possible(promised, compacted=compacted)
        assert kept in possible, (death, said)


def _possible(promised: int, *, compacted: bool) -> list[list[tuple[str, str]]]:
    """What may be there after so many promises: one record more at most, and before or after the compaction."""
    first = RECORDS[:6]
    compact = [one for one in first if one[0] in "IERD"]
    if compacted or promised > 6:
        rest = RECORDS[6 : max(promised, 6)]
        return [compact + rest, compact + RECORDS[6 : max(promised, 6) + 1]]
    return [RECORDS[:promised], first[: promised + 1], compact if promised == 6 else first[:promised]]


def test_a_full_disk_promises_nothing_and_loses_nothing(tmp_path: Path) -> None:
    room = len(line(*RECORDS[0])) + 5
    said = do(["open\tj", *adds()[:3]], tmp_path, MQL_DISK_BYTES=str(room))
    assert [one.split()[1] for one in said if one.startswith("add")] == ["true", "false", "false"]
    assert without_tombstones(shown(do(["open\tj", "dump"], tmp_path))) == RECORDS[:1]


def test_a_compaction_that_found_no_room_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "j.log").write_bytes(WHOLE)
    said = do(["open\tj", "compact\tIERSDVOA"], tmp_path, MQL_DISK_BYTES="40")
    assert f"compact false {STATES['full']}" in said
    assert (tmp_path / "j.log").read_bytes() == WHOLE


@pytest.mark.parametrize(
    ("content", "taken"),
    [("whole", True), ("cut", False), ("without its last record", False), ("with a wrong count", False)],
)
def test_a_compaction_is_taken_for_the_file_only_when_it_is_whole(content: str, taken: bool, tmp_path: Path) -> None:
    tomb = line("T", f"{len(RECORDS)} {zlib.crc32(WHOLE):08x}")
    wrong = line("T", f"{len(RECORDS) - 1} {zlib.crc32(WHOLE):08x}")
    files = {
        "whole": WHOLE + tomb, "cut": (WHOLE + tomb)[:-1], "without its last record": WHOLE,
        "with a wrong count": WHOLE + wrong,
    }  # fmt: skip
    (tmp_path / "j.new").write_bytes(files[content])
    records = without_tombstones(shown(do(["open\tj", "dump"], tmp_path)))
    assert records == (RECORDS if taken else [])


def test_a_whole_compaction_is_left_alone_while_the_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "j.log").write_bytes(WHOLE[: len(line(*RECORDS[0]))])
    (tmp_path / "j.new").write_bytes(WHOLE + line("T", f"{len(RECORDS)} {zlib.crc32(WHOLE):08x}"))
    assert shown(do(["open\tj", "dump"], tmp_path)) == RECORDS[:1]


def test_a_second_program_on_the_same_account_is_told_that_the_file_is_in_use(tmp_path: Path) -> None:
    from_outside = (tmp_path / "j.log").open("ab")
    with from_outside:
        _lock(from_outside.fileno())
        assert f"open false {STATES['in use']} false" in do(["open\tj"], tmp_path)
    assert f"open true {STATES['ready']} false" in do(["open\tj"], tmp_path)


def test_a_record_cannot_smuggle_in_another_one(tmp_path: Path) -> None:
    said = do(["open\tj", "add\tX Y\tno kind has a blank", "add\tX\tfine"], tmp_path)
    assert [one.split()[1] for one in said if one.startswith("add")] == ["false", "true"]


def _lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
