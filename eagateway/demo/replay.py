"""Replay a recording through the gateway: offer the events, approve the late follower, kill when told, settle."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import Final

from asgiref.sync import sync_to_async
from eagateway_sdk.paper import BrokenRecording, Event, Recording

from eagateway.demo import rows
from eagateway.demo.child import Served
from eagateway.demo.expectation import Told
from eagateway.demo.rows import Progress
from eagateway.demo.stage import Stage

WINDOW: Final = 200
FRAMES_PER_EVENT: Final = 4
SETTLE_SECONDS: Final = 90
SHOW_SECONDS: Final = 0.2
LONGEST_PAUSE: Final = 4
_TIME: Final = "%Y.%m.%d %H:%M:%S"


@dataclass(slots=True)
class Played:
    """What was offered: every event that was played, and when (`told`), and the fault that ended it early.

    `approved`: seconds before and after the late follower's approval. `restarts` of the gateway, `terminals` killed.
    """

    told: list[Told] = field(default_factory=list)
    approved: tuple[float, float] = (0.0, 0.0)
    events: int = 0
    restarts: int = 0
    terminals: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Troubles:
    """How often the gateway is killed and restarted, and a terminal killed, at moments that `seed` draws."""

    kills: int = 0
    restarts: int = 0
    terminals: int = 0
    seed: int = 0


class Replay:
    """One run of a recording. `seconds` None: as fast as the window allows."""

    def __init__(
        self,
        *,
        stage: Stage,
        child: Served,
        recording: Recording,
        seconds: float | None,
        troubles: Troubles,
        approve_late: Callable[[], Awaitable[None]],
        show: Callable[[int, int, Progress], None],
    ) -> None:
        self._stage, self._child, self._recording = stage, child, recording
        self._seconds, self._show = seconds, show
        self._approve_late = approve_late
        self._events, self._fault = _read(recording)
        moments = _moments(len(self._events), troubles.kills + troubles.restarts + troubles.terminals, troubles.seed)
        gateways = troubles.kills + troubles.restarts
        self._kill_at = frozenset(moments[: troubles.kills])
        self._restart_at = frozenset(moments[troubles.kills : gateways])
        self._end_at = frozenset(moments[gateways:])
        self._draw = random.Random(troubles.seed)  # noqa: S311 - no secret
        self._room = 0
        self._unfinished = rows.Unfinished()
        self._shown_at = 0.0
        self._sending: list[asyncio.Task[None]] = []
        self.played = Played()

    @property
    def total(self) -> int:
        return len(self._events)

    async def run(self) -> Played:
        """Play everything and wait until nothing is unfinished."""
        started, schedule = time.monotonic(), _schedule(self._events, self._seconds)
        late = False
        try:
            for number, (event, due) in enumerate(zip(self._events, schedule, strict=True), start=1):
                if not late and number > len(self._events) // 2:
                    late = True
                    await self._approve()
                await self._await_turn(started + due)
                self._play(event)
                await self._trouble(number)
                await self._stage.noticed()
        except BrokenRecording as broken:
            self._fault = broken
        if not late:
            await self._approve()
        self.played.error = str(self._fault) if self._fault else None
        await self._settle()
        return self.played

    async def _approve(self) -> None:
        await self._flush()
        asked = time.monotonic()
        await self._approve_late()
        self.played.approved = (asked, time.monotonic())
        self._unfinished.forget()

    # One event -----------------------------------------------------------------------------------------------------

    def _play(self, event: Event) -> None:
        """The market goes on for everybody.

        :raises BrokenRecording: the event contradicts what came before it
        """
        self._sending += [asyncio.create_task(one) for one in self._stage.play(event)]
        self.played.events += 1
        self.played.told.append(Told(event, time.monotonic()))
        self._room -= FRAMES_PER_EVENT

    async def _flush(self) -> None:
        """Everything handed over so far is safely in the terminals' outboxes."""
        sending, self._sending = self._sending, []
        await asyncio.gather(*sending)

    # Pace ----------------------------------------------------------------------------------------------------------

    async def _await_turn(self, due: float) -> None:
        """Wait for the event's moment, and for room: under 200 intents and commands unfinished, held ones aside."""
        pause = due - time.monotonic()
        if pause > 0:
            await self._flush()
            await self._report_progress()
            await asyncio.sleep(pause)
        while self._room <= 0:
            await self._flush()
            open_commands = await sync_to_async(self._unfinished.count, thread_sensitive=False)()
            self._room = WINDOW - self._stage.unacked() - open_commands
            await self._report_progress()
            if self._room <= 0:
                await asyncio.sleep(0.01)

    async def _report_progress(self) -> None:
        """Show how far everything is, a few times a second."""
        if time.monotonic() - self._shown_at < SHOW_SECONDS:
            return
        self._shown_at = time.monotonic()
        progress = await _progress()
        self._show(self.played.events, self.total, progress)

    # Faults and the end --------------------------------------------------------------------------------------------

    async def _trouble(self, number: int) -> None:
        """What is to go wrong after this event."""
        if number in self._kill_at:
            await self._kill()
        elif number in self._restart_at:
            await self._restart()
        elif number in self._end_at:
            await self._flush()
            await self._stage.kill_terminal(self._draw)
            self.played.terminals += 1

    async def _kill(self) -> None:
        """SIGKILL the gateway and start it again, while the terminals go on."""
        await self._flush()
        await asyncio.sleep(random.random() * 0.05)  # noqa: S311 - anywhere in the work in hand
        await asyncio.to_thread(self._child.kill)
        self.played.restarts += 1
        await asyncio.to_thread(self._child.start)

    async def _restart(self) -> None:
        """A rolling restart, while the terminals go on."""
        await self._flush()
        await asyncio.to_thread(self._child.restart)
        self.played.restarts += 1

    async def _settle(self) -> None:
        """Wait until everything offered has its outcome; give up when nothing moves any more."""
        await self._flush()
        last, moved_at = None, time.monotonic()
        while True:
            # First: what is confirmed by now stands in the rows that are read next. The other way round, a batch that
            # is stored between the two looks is missed by both.
            unacked = self._stage.unacked()
            progress = await _progress()
            self._show(self.played.events, self.total, progress)
            if (progress, unacked) != last:
                last, moved_at = (progress, unacked), time.monotonic()
            still = time.monotonic() - moved_at
            done = not progress.unfinished and not progress.held and not unacked
            if (done and still >= self._stage.lag) or still > SETTLE_SECONDS:
                return
            await asyncio.sleep(0.05)


async def _progress() -> Progress:
    return await sync_to_async(rows.progress, thread_sensitive=False)()


def _read(recording: Recording) -> tuple[list[Event], BrokenRecording | None]:
    """All events before the first broken line, and what is broken."""
    events: list[Event] = []
    try:
        events.extend(recording.events())
    except BrokenRecording as broken:
        return events, broken
    return events, None


def _moments(events: int, count: int, seed: int) -> Sequence[int]:
    """After which events something happens to the gateway: `count` different ones, never the last."""
    candidates = range(1, max(2, events))
    return random.Random(seed).sample(candidates, min(count, len(candidates)))  # noqa: S311 - no secret


def _schedule(events: Sequence[Event], seconds: float | None) -> Sequence[float]:
    """When each event is due, in seconds from the start: the recorded times compressed to `seconds`.

    Nights and weekends are shortened: no pause counts for more than LONGEST_PAUSE average ones. The clock may step back
    once a year; the schedule does not.
    """
    if seconds is None or not events:
        return [0.0] * len(events)
    times = [datetime.strptime(event.t, _TIME).replace(tzinfo=UTC).timestamp() for event in events]
    gaps = [max(0.0, after - before) for before, after in pairwise(times)]
    longest = LONGEST_PAUSE * sum(gaps) / max(1, len(gaps))
    due = list(accumulate((min(gap, longest) for gap in gaps), initial=0.0))
    return [moment / due[-1] * seconds if due[-1] else 0.0 for moment in due]
