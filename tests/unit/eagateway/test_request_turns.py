"""A turn ends in time; an answer that is still on its way then goes on without it, within a bound of its own.

The clock of these loops leaps to the next moment at which something is due: minutes take no time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from eagateway.servers import turns

T = TypeVar("T")
SCOPE = {"type": "http", "path": "/t/acme/exports/trades"}
STEP = 10.0
FOR_GOOD = 100_000.0


class Leaping(asyncio.SelectorEventLoop):
    """A loop that waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._moment = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def leap(timeout: float | None = None) -> Any:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            self._moment += timeout
            return select(0)

        selector.select = leap

    def time(self) -> float:
        return self._moment


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Leaping) as runner:
        return runner.run(work)


def answering(pieces: int, *, stall_after: int | None = None) -> Any:
    """An application that answers in so many pieces, one a step."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(pieces):
            await asyncio.sleep(FOR_GOOD if number == stall_after else STEP)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application


async def asked(served: turns.Turns, *, reads: Callable[[int], float] = lambda _: 0.0) -> list[Any]:
    """One request; what was sent. `reads`: how long the peer takes for each message."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        await asyncio.sleep(reads(len(sent)))
        sent.append(message)

    await served(SCOPE, None, send)  # type: ignore[arg-type]  # nobody receives
    return sent


def body(sent: list[Any]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent)


def is_whole(sent: list[Any]) -> bool:
    return sent[-1].get("more_body") is False


def test_a_stream_that_makes_progress_outlasts_its_turn() -> None:
    sent = run(asked(turns.Turns(answering(60))))
    assert (len(body(sent)), is_whole(sent)) == (60, True)


def test_a_stream_has_its_own_bound() -> None:
    sent = run(asked(turns.Turns(answering(1000))))
    assert (len(body(sent)), is_whole(sent)) == (89, False)


def test_a_stream_that_stalls_ends_with_its_turn() -> None:
    sent = run(asked(turns.Turns(answering(8, stall_after=2))))
    assert (body(sent), is_whole(sent)) == (b"xx", False)


def test_a_stream_that_stalls_beyond_its_turn_ends_too() -> None:
    sent = run(asked(turns.Turns(answering(60, stall_after=20))))
    assert (len(body(sent)), is_whole(sent)) == (20, False)


def test_a_peer_that_does_not_read_keeps_nothing() -> None:
    sent = run(asked(turns.Turns(answering(8)), reads=lambda number: FOR_GOOD if number == 2 else 0))
    assert (body(sent), is_whole(sent)) == (b"x", False)


def test_an_answer_that_does_not_begin_in_its_turn_is_refused() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(FOR_GOOD)

    assert run(asked(turns.Turns(application)))[0]["status"] == 503


def test_long_streams_leave_their_turns_to_others() -> None:
    """As many long answers as there are turns: another request waits for a turn, and is answered while they go on."""
    long, short = answering(60), answering(0)
    waits = iter([long, long, short])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await next(waits)(scope, receive, send)

    async def all_three() -> None:
        served = turns.Turns(application)
        streams = [asyncio.create_task(asked(served)) for _ in range(turns.AT_ONCE["people"])]
        await asyncio.sleep(STEP)
        assert is_whole(await asked(served))
        assert asyncio.get_running_loop().time() < turns.TURN_SECONDS + 2 * STEP
        assert not any(stream.done() for stream in streams)
        assert all(is_whole(sent) for sent in await asyncio.gather(*streams))

    run(all_three())


def test_only_so_many_streams_go_on_and_their_places_come_free() -> None:
    async def many() -> None:
        served = turns.Turns(answering(20))
        sent = await asyncio.gather(*(asked(served) for _ in range(turns.STREAMS + 2)))
        assert sorted(map(is_whole, sent)) == [False, False, *[True] * turns.STREAMS]
        assert is_whole(await asked(served))

    run(many())
