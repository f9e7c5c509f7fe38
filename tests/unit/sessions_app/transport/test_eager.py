"""A send that does not wait needs no task; one that waits is gone on with where it stopped."""

import asyncio

import pytest

from sessions_app.transport.connection.eager import begin


async def test_what_does_not_wait_is_done_at_once() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert begin(work()) is None
    assert done == [1]


async def test_what_waits_is_gone_on_with() -> None:
    room, done = asyncio.Event(), []

    async def work() -> None:
        done.append("begun")
        await room.wait()
        await asyncio.sleep(0)
        done.append("ended")

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    assert done == ["begun"]
    room.set()
    await task
    assert done == ["begun", "ended"]


async def test_a_cancellation_reaches_what_waits() -> None:
    done = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("cleaned")

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["cleaned"]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_failure_is_the_caller_s(waits: bool) -> None:
    async def work() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("gone")

    async def both() -> None:
        rest = begin(work())
        if rest is not None:
            await rest

    with pytest.raises(ValueError, match="gone"):
        await both()
