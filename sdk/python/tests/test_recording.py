"""Recordings are read strictly, and named by their line when they break."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk.paper import BrokenRecording, Recording, Tape

from .recordings import SYMBOL, account, line, recording

ACCOUNT = {
    "currency": "JPY", "money_decimals": 0, "leverage": 25, "starting_balance": "100000",
    "time_zone": "Asia/Tokyo", "symbols": {"USDJPY": SYMBOL},
}  # fmt: skip


def write(folder: Path, stream: bytes, **changes: Any) -> Path:
    (folder / "account.json").write_text(json.dumps(ACCOUNT | changes))
    (folder / "stream.jsonl").write_bytes(stream)
    return folder


def test_every_event_of_the_format_is_read(tmp_path: Path) -> None:
    lines = [
        line("balance", 1), line("open", 2), line("place", 3), line("activate", 3), line("modify", 2),
        line("partial_close", 2, new_ticket=4), line("close", 4, lots="0.06", comment="[sl]"), line("place", 5),
        line("cancel", 5), line("summary", 6), line("summary", 7, commission=..., taxes=..., swap=..., profit=...,
                                                    amount="3.00"),
    ]  # fmt: skip
    events = list(recording(*lines).events())
    assert [event.line for event in events] == list(range(1, 12))
    assert [event.net for event in events if event.ev in ("balance", "summary")] == [
        Decimal("1000.00"), Decimal("6.50"), Decimal("3.00"),
    ]  # fmt: skip
    assert (events[2].side, events[2].order_type, events[1].order_type) == ("buy", "limit", "market")


def test_a_folder_is_read_plain_or_packed_with_its_extras(tmp_path: Path) -> None:
    text = (line("open", 1, symbol="USDJPY") + "\n").encode()
    folder = write(tmp_path, text)
    (folder / "printed.json").write_text('{"printed": {"Balance": "1"}}')
    read = Recording.read(folder)
    assert (read.account.starting_balance, read.account.money_decimals) == (Decimal(100000), 0)
    assert read.printed == {"printed": {"Balance": "1"}}
    assert read.marks is None
    (folder / "stream.jsonl").unlink()
    (folder / "stream.jsonl.gz").write_bytes(gzip.compress(text))
    assert len(list(Recording.read(folder).events())) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[1]", "not an object"),
        (line("open", 1).replace('"open"', '"opened"'), "unknown ev"),
        (line("open", 1, lots=...), "lots is missing"),
        (line("open", 1, lots=0.1), "not a decimal"),
        (line("open", 1, lots="1e2"), "not a decimal"),
        (line("open", 1, lots="0.00"), "above 0"),
        (line("open", 1, lots="-0.10"), "negative"),
        (line("open", 1, price="NaN"), "not a decimal"),
        (line("open", 1, sl=...), "sl is missing"),
        (line("open", 1, symbol="GBPUSD"), "not in account.json"),
        (line("open", 1, type="buy limit"), "does not belong to open"),
        (line("place", 1, type="buy"), "does not belong to place"),
        (line("open", 1, magic="7"), "magic is not a number"),
        (line("open", 1, magic=...), "magic is missing"),
        (line("open", 0), "not a ticket"),
        (line("open", 1).replace('"ticket": 1', '"ticket": "1"'), "not a ticket"),
        (line("open", True), "not a ticket"),
        (line("open", 1, t="2026-03-02 10:00:00"), "t is not"),
        (line("open", 1, t="2026.13.02 10:00:00"), "t is not"),
        (line("open", 1, t=...), "t is not"),
        (line("partial_close", 1), "new_ticket is missing"),
        (line("close", 1, comment=5), "comment is not a text"),
        (line("close", 1, profit="ten"), "not a decimal"),
        (line("balance", 1, amount=...), "amount is missing"),
        (line("summary", 1, profit=...), "profit is missing"),
    ],
)
def test_a_broken_line_is_named_and_what_stands_before_it_is_handed_out(text: str, why: str) -> None:
    events = recording(line("balance", 9), line("open", 8), text, line("open", 7)).events()
    assert [next(events).ticket, next(events).ticket] == [9, 8]
    with pytest.raises(BrokenRecording, match=why) as caught:
        next(events)
    assert caught.value.line == 3


def test_more_fields_and_a_wrong_market_price_in_modify_are_tolerated() -> None:
    [opened, modified] = recording(
        line("open", 1, spread=3, note={"a": 1}), line("modify", 1, price="not a price")
    ).events()  # fmt: skip
    assert opened.ticket == modified.ticket == 1


def test_a_truncated_archive_is_broken_where_it_ends(tmp_path: Path) -> None:
    text = "".join(line("open", ticket, symbol="USDJPY", note=str(ticket) * 50) + "\n" for ticket in range(1, 400))
    write(tmp_path, b"")
    (tmp_path / "stream.jsonl").unlink()
    (tmp_path / "stream.jsonl.gz").write_bytes(gzip.compress(text.encode())[:-200])
    read: list[int] = []
    with pytest.raises(BrokenRecording) as caught:
        read.extend(event.line for event in Recording.read(tmp_path).events())
    assert caught.value.line is not None
    assert 1 < caught.value.line < 400


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content.pop("currency"), "currency is missing"),
        (lambda content: content.update(money_decimals="2"), "money_decimals"),
        (lambda content: content.update(starting_balance=5), "starting_balance"),
        (lambda content: content.update(symbols=[]), "symbols"),
        (lambda content: content.update(symbols={"X": SYMBOL | {"lots_step": "0"}}), "lots_step must be above 0"),
        (lambda content: content.update(symbols={"X": {"digits": 5}}), "contract_size is missing"),
    ],
)
def test_a_broken_account_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], object], why: str) -> None:
    content = dict(ACCOUNT)
    change(content)
    write(tmp_path, b"")
    (tmp_path / "account.json").write_text(json.dumps(content))
    with pytest.raises(BrokenRecording, match=why) as caught:
        Recording.read(tmp_path)
    assert (caught.value.line, caught.value.file) == (None, "account.json")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenRecording, match=r"no stream\.jsonl"):
        Recording.read(tmp_path)
    (tmp_path / "stream.jsonl").write_text("")
    with pytest.raises(BrokenRecording, match=r"account\.json: missing"):
        Recording.read(tmp_path)


def test_symbols_are_renamed_and_suffixed() -> None:
    assert list(account().renamed(suffix=".m", rename={"XAUUSD": "GOLD"}).symbols) == ["EURUSD.m", "GOLD.m"]


def test_a_tape_stops_before_the_broken_line_and_counts_repeats_once() -> None:
    tape = Tape(
        recording(
            line("open", 1), line("partial_close", 1, new_ticket=2), line("partial_close", 1, new_ticket=2),
            line("close", 2, lots="0.06"), "broken", line("close", 3),
        )
    )  # fmt: skip
    assert [event.ticket for event in tape.closes[1]] == [1, 2]
    assert tape.broken is not None
    assert tape.broken.line == 5
    assert not tape.last_stops
