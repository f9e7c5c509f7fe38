"""The capacity model: figures computed by hand, refusals, and that the page shows what the command prints."""

from pathlib import Path

import pytest

from tests.bench.capacity import Load, first, last_follower, table, uses

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"

# 864 followers of 1 master each, 100 intents a day each, peak 10: 86,400 intents a day, 10 intents and commands a
# second; 1,728 links that beat every 4 s: 432 beats, 864 changed rows a second.
ROUND = Load(
    followers=864,
    followers_per_master=1,
    intents_a_day=100,
    peak=10,
    heartbeat_s=4,
    command_ms=2,
    heartbeat_ms=0.5,
    send_ms=0.1,
    database_ms=1,
    beat_row_ms=0.125,
    row_bytes=1000,
    wal_factor=2,
    beat_wal_bytes=500,
    frame_bytes=500,
    socket_bytes=1_000_000,
    retention_days=10,
    processes=4,
)


def test_each_resource_is_asked_for_what_a_sheet_of_paper_says() -> None:
    """Beats 432, commands 10: writer 0.020, loop 0.216 + 0.001, database 0.010 + 0.108, WAL 20 kB + 432 kB."""
    assert {use.name: use.asked for use in uses(ROUND)} == pytest.approx(
        {
            "gateway CPU": 0.237,
            "writers' time": 0.020,
            "database CPU": 0.118,
            "WAL": 0.452,
            "disk": 0.864,
            "bus messages": 30,
            "bus bytes": 0.015,
            "sockets a process": 432,
            "memory a process": 0.432,
        }
    )


def test_what_is_nearest_to_its_end_comes_first() -> None:
    """0.432 of 4 GB is more than any other share (gateway CPU 0.237 of 4)."""
    assert first(ROUND).name == "memory a process"


def test_a_lone_intent_takes_its_service_and_its_sends() -> None:
    assert last_follower(100, per_second=1e-9, command_ms=0.25, send_ms=0.05) == pytest.approx((30, 30))


def test_intents_that_queue_wait_longer_at_p99() -> None:
    """The queue is M/D/1 with half its time used: P(no wait) = 0.5, P(wait <= service) = 0.5 * e^0.5 = 0.824."""
    p50, p99 = last_follower(10, per_second=50, command_ms=1, send_ms=1e-9)
    assert p50 == pytest.approx(10, abs=0.5)
    # P(wait <= 3 x service) = 0.985 and P(wait <= 4 x service) = 0.996, from Erlang's formula
    assert 40 < p99 < 50


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_an_input_that_is_no_amount_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match="heartbeat_s must be above 0 and finite"):
        Load(followers=1, heartbeat_s=value)


def test_more_than_a_writer_can_serve_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one writer can serve"):
        last_follower(100, per_second=4, command_ms=2.5, send_ms=0.05)


def test_the_page_shows_what_the_command_prints() -> None:
    assert f"<!-- bench:capacity -->\n{table()}\n<!-- /bench -->" in PAGE.read_text()
