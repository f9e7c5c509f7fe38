"""Snapshot.mqh: the whole book in as few frames as it fits into, each as large as a frame may be."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ea.probes import run

pytestmark = pytest.mark.compiles
FRAME: Final = 16_384
ENVELOPE: Final = len(
    '{"v":1,"type":"SyncSnapshot","id":"0197b0a4-7c1e-7f00-8a3c-1d2e3f405060","sent_at":"2026-11-30T05:00:00.000Z","payload":}'
)
FIRST: Final = 812_345_678


def parts(rows: int, symbol: str, folder: Path) -> list[bytes]:
    """The payloads of a book with so many rows."""
    (folder / "in.txt").write_text(f"parts {rows} {symbol}\n", encoding="utf-8")
    run("BarsProbe", folder)
    return (folder / "parts.txt").read_bytes().splitlines()


@pytest.mark.parametrize("rows", [0, 1, 2000])
@pytest.mark.parametrize("symbol", ["EURUSD", "\N{POUND SIGN}" * 60])
def test_every_part_fits_a_frame_and_every_row_stands_in_one(rows: int, symbol: str, tmp_path: Path) -> None:
    told = parts(rows, symbol, tmp_path)
    assert max(map(len, told)) + ENVELOPE <= FRAME
    read: list[dict[str, Any]] = [json.loads(part) for part in told]
    tickets = [row["ticket"] for part in read for row in part["positions"]]
    assert tickets == list(range(FIRST, FIRST + rows))
    if len(told) > 1:
        assert [(part["n"], part["of"]) for part in read] == [(n, len(told)) for n in range(1, len(told) + 1)]


def test_two_thousand_positions_are_told_in_22_parts(tmp_path: Path) -> None:
    told = parts(2000, "EURUSD", tmp_path)
    assert len(told) <= 22
    assert min(map(len, told[:-1])) > FRAME * 0.9
