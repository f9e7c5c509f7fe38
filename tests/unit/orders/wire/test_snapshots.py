"""What a terminal tells of its book, and when it is complete."""

from typing import Any

import pytest

from orders.domain.wire.snapshots import SnapshotPhase, SyncSnapshot, fault


def snapshot(**fields: Any) -> SyncSnapshot:
    return SyncSnapshot(**({"phase": SnapshotPhase.REPORT} | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 1, "of": 1},
        {"n": 2, "of": 2, "digest": "d"},
        {"n": 1, "of": 2, "digest": "d"},
        {"history_from": "2026.11.01 00:00:00"},
    ],
)
def test_a_report_may_come_whole_or_in_chunks(fields: dict[str, Any]) -> None:
    assert fault(snapshot(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"phase": SnapshotPhase.REQUEST}, "$.phase"),
        ({"phase": SnapshotPhase.RESULT}, "$.phase"),
        ({"n": 2}, "$.n"),
        ({"n": 3, "of": 2, "digest": "d"}, "$.n"),
        ({"n": 1, "of": 2}, "$.digest"),
        ({"history_from": "last month"}, "$.history_from"),
    ],
)
def test_what_a_report_lacks_is_named_by_its_path(fields: dict[str, Any], path: str) -> None:
    found = fault(snapshot(**fields))
    assert found is not None
    assert found[0] == path


def test_a_report_that_leaves_everything_out_is_a_whole_one_of_a_connected_terminal() -> None:
    plain = snapshot()
    assert (plain.n, plain.of, plain.same, plain.connected) == (1, 1, False, True)
    assert (plain.applied_server_seq, plain.age_ms) == (0, 0)
    assert not any((plain.positions, plain.working_orders, plain.quotes, plain.differences))
