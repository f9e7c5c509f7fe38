"""One bus message: what one process tells is what another hears, and nobody else can say it."""

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from sessions_app import doorbell
from sessions_app.domain.frames.log import LogFrame
from sessions_app.doorbell import News, Ring

ACCOUNT, OTHER, SESSION, EPOCH = (uuid4() for _ in range(4))


def frame(seq: int, payload: bytes = b'{"lots":"0.1"}', *, covers: int = 0) -> LogFrame:
    return LogFrame(seq=seq, frame_id=UUID(int=seq), kind="OrderCommand", payload=payload, epoch=EPOCH, covers=covers)


def said_elsewhere(news: Ring, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The message as another process of this deployment sends it."""
    with monkeypatch.context() as there:
        there.setattr(doorbell, "PROCESS", "another")
        return doorbell.encode(news)


def heard(news: Ring, monkeypatch: pytest.MonkeyPatch) -> Ring | None:
    return doorbell.decode(said_elsewhere(news, monkeypatch))


def test_what_one_process_tells_another_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = News(4, 7, [frame(2), frame(3, b"{}", covers=4)])
    told = Ring(frozenset({SESSION}), {ACCOUNT: grown, OTHER: News(9)})
    ring = heard(told, monkeypatch)
    assert ring is not None
    assert (ring.sessions, dict(ring.accounts)) == (told.sessions, {ACCOUNT: grown, OTHER: News(9, 0, [])})
    assert ring.rung_at is not None
    assert abs(ring.rung_at.timestamp() - time.time()) < 60


def test_a_process_does_not_hear_itself() -> None:
    assert doorbell.decode(doorbell.encode(Ring(frozenset({SESSION})))) is None


@pytest.mark.parametrize("setting", ["DOORBELL_CHANNEL", "SECRET_KEY"])
def test_another_deployment_is_not_heard_whatever_it_has_in_common(
    monkeypatch: pytest.MonkeyPatch, settings: Any, setting: str
) -> None:
    message = said_elsewhere(Ring(frozenset({SESSION})), monkeypatch)
    assert doorbell.decode(message) is not None
    setattr(settings, setting, "another one")
    assert doorbell.decode(message) is None


def test_a_message_that_was_changed_anywhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = said_elsewhere(Ring(accounts={ACCOUNT: News(2, 1, [frame(2)])}), monkeypatch)
    for place in range(len(message)):
        changed = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
        assert doorbell.decode(changed) is None


@pytest.mark.parametrize("message", [b"", b"{}", b"\xff" * 40, b'{"from":"x","sessions":[],"accounts":{}}'])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    assert doorbell.decode(message) is None


@pytest.mark.parametrize("content", [b"[]", b"null", b'["x",0,[],[["y",1,1,[]]]]', b'["x",0,[],[],1]', b"[" * 100_000])
def test_what_is_signed_and_no_message_is_refused(content: bytes) -> None:
    assert doorbell.decode(doorbell._sign(content) + content) is None


def test_what_was_long_on_its_way_is_told_by_its_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    message = said_elsewhere(Ring(accounts={ACCOUNT: News(2, 1, [frame(2)])}), monkeypatch)
    now = time.time()
    for age in (doorbell.FRESH_SECONDS + 1, -doorbell.FRESH_SECONDS - 1):
        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda age=age: now + age)
            ring = doorbell.decode(message)
        assert ring is not None
        assert ring.accounts == {ACCOUNT: News(2, 1, [])}


def test_a_message_is_bounded_and_what_is_beyond_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [frame(seq) for seq in range(1, doorbell.MOST_FRAMES + 2)]
    half = frame(1, b'"' + b"x" * (doorbell.MOST_BYTES // 2) + b'"')
    accounts = {ACCOUNT: News(201, 1, many), OTHER: News(1, 1, [half]), EPOCH: News(1, 1, [half]), SESSION: News(5)}
    ring = heard(Ring(accounts=accounts), monkeypatch)
    assert ring is not None
    assert {pk: (grown.top, len(grown.frames)) for pk, grown in ring.accounts.items()} == {
        ACCOUNT: (201, 0), OTHER: (1, 1), EPOCH: (1, 0), SESSION: (5, 0)
    }  # fmt: skip


@pytest.fixture
def outgoing(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """What waits for a Redis that takes nothing."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    waiting = doorbell._Outgoing()
    monkeypatch.setattr(doorbell, "_outgoing", waiting)
    monkeypatch.setattr(doorbell, "_start_publisher", lambda: None)
    return waiting


def test_while_redis_is_away_little_is_kept_for_it(outgoing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "MOST_WAITING_BYTES", 50_000)
    big = News(1, 1, [frame(1, b'"' + b"x" * 20_000 + b'"')])
    for _ in range(doorbell.MOST_WAITING + 10):
        doorbell.publish(Ring(accounts={ACCOUNT: big}))
    assert len(outgoing) == doorbell.MOST_WAITING
    sizes = [len(outgoing.get()) for _ in range(doorbell.MOST_WAITING)]
    assert [size > 20_000 for size in sizes[:4]] == [True, True, True, False]
    assert sum(sizes) < 50_000 + 20_000 + doorbell.MOST_WAITING * 300
