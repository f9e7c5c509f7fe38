"""Processes that start together migrate one after the other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from eagateway import startup


def test_two_that_migrate_one_data_folder_take_turns(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    together, met = Barrier(2, timeout=0.5), []

    def work(*args: object, **options: object) -> None:
        try:
            together.wait()
        except BrokenBarrierError:
            return
        met.append(args)

    monkeypatch.setattr(startup, "check_database", lambda **options: None)
    monkeypatch.setattr(startup, "call_command", work)
    with ThreadPoolExecutor(2) as hands:
        list(hands.map(lambda _: startup.migrate(), range(2)))
    assert met == []
