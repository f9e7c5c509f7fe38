"""Histories make and drop many objects; what pytest and Django hold is not looked through each time."""

import gc
from collections.abc import Iterator

import pytest

from tests.histories.lane import collect_seldom


@pytest.fixture(scope="module", autouse=True)
def _seldom_collected() -> Iterator[None]:
    before = gc.get_threshold()
    collect_seldom()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
