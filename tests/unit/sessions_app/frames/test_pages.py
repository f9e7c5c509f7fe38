"""Lists of the server's frames: nothing above what a frame has room for, nothing lost without a count."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.frames.pages import ROOM_BYTES, fitting, pages
from sessions_app.domain.frames.payloads import RefusedFrame, SubscriptionSummary


def summary(name: str) -> SubscriptionSummary:
    return SubscriptionSummary(strategy=name, role="master", mode="mirrored", state="active")


@given(st.lists(st.text(max_size=64), max_size=400))
def test_pages_hold_everything_in_order_and_each_fits(names: list[str]) -> None:
    found = list(pages([summary(name) for name in names]))
    assert [item.strategy for page in found for item in page] == names
    assert all(page for page in found)
    assert all(sum(len(item.strategy.encode()) for item in page) <= ROOM_BYTES for page in found)


def test_the_first_of_them_are_what_fits() -> None:
    many = [summary("s" * 60) for _ in range(260)]
    # {"strategy":"<60>","role":"master","mode":"mirrored","state":"active"} and a comma: 127 bytes
    assert fitting(many) == many[: 12 * 1024 // 127]
    assert fitting(many[:3]) == many[:3]
    assert fitting([]) == []


@pytest.mark.parametrize("count", [0, 1, 500])
def test_refusals_are_never_cut(count: int) -> None:
    refused = [RefusedFrame(seq=2**53 - n, id=UUID(int=n), code="x" * 32, final=True) for n in range(count)]
    assert [item for page in pages(refused) for item in page] == refused
