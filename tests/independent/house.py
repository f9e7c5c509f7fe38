"""Many days at once in one gateway process, each with a tenant of its own."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.e2e.gateway import Cast, Gateway
from tests.independent.day import Day, settings_of
from tests.independent.ea import SEARCH

AT_ONCE: Final = 8
BETWEEN_KILLS: Final = 8.0
# The documents' waits of a minute, as seconds: a day is over in half a minute then.
PACE: Final[dict[str, Any]] = {
    "IN_DOUBT_SECONDS": str(int(SEARCH)),
    "HEARTBEAT_INTERVAL_SECONDS": "2",
    "HEARTBEAT_TIMEOUT_SECONDS": "30",  # a busy machine makes no figures stale, which count for two of them
    "UNKNOWN_KEYS_PER_MINUTE": "1000",
}


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """A real gateway process with the pace of these days."""
    served = Gateway(folder, **PACE).start()
    try:
        yield served
    finally:
        served.end()


def play(served: Gateway, seeds: Sequence[int], *, acts: int, kills: int = 0) -> dict[int, tuple[list[str], Day]]:
    """Play these seeds' days: what was wrong in each, and the day. `kills`: of the gateway, meanwhile."""
    casts = served.provision_many([settings_of(seed) for seed in seeds])
    return asyncio.run(_play(served, list(zip(seeds, casts, strict=True)), acts, kills))


async def _play(
    served: Gateway, days: Sequence[tuple[int, Cast]], acts: int, kills: int
) -> dict[int, tuple[list[str], Day]]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int, cast: Cast) -> tuple[list[str], Day]:
        async with room:
            day = Day(seed, served.url, [(name, cast.keys[name]) for name in cast.names])
            return await day.run(acts), day

    # Together: a gateway that does not start again must not be taken for one that nobody reaches.
    playing = asyncio.gather(*(one(seed, cast) for seed, cast in days))
    ended, _ = await asyncio.gather(playing, _kill(served, kills))
    return dict(zip([seed for seed, _ in days], ended, strict=True))


async def _kill(served: Gateway, times: int) -> None:
    """A crash in the middle of everything, and the next start on the same port."""
    for _ in range(times):
        await asyncio.sleep(BETWEEN_KILLS)
        await asyncio.to_thread(served.end, signal.SIGKILL)
        await asyncio.to_thread(served.start)
