"""The transport without a WebSocket: calls that bring our frames and take away the gateway's.

A call that carries frames asks for its answer at once; a call without any is held by the gateway until there is
something to tell. When there is something to send meanwhile, a newer call supersedes the held one, whose answer is
still read; should the two overtake each other on the way, the newer one is told that it was superseded, and its frames
are taken all the same. So at most one call carries frames, and their order is kept.

Any failure of a call ends the wire, as it would end a socket: nothing is lost by it, because what is not acknowledged
is sent again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import httpx
import msgspec

from eagateway_sdk.causes import place, why_not
from eagateway_sdk.close_codes import NETWORK, SUPERSEDED, code_of_problem
from eagateway_sdk.rest import retry_after
from eagateway_sdk.transport.wire import PATIENCE_SECONDS, Head, Heard, WireClosed

log = logging.getLogger(__name__)

_BODY_BYTES: Final = 48 * 1024
_BODY_FRAMES: Final = 100
_ROOM: Final = 2 * _BODY_FRAMES
_ANSWER_SECONDS: Final = 15.0
_LINGER_SECONDS: Final = 0.01
_LATE_SECONDS: Final = 3.0


class _Answer(msgspec.Struct):
    """An answer, or the problem that ends the wire: both say frames, and what of ours is committed."""

    frames: list[msgspec.Raw] = []
    ack: int | None = None
    code: str = ""
    detail: str = ""


class ExchangeWire:
    """`hold_seconds` tells how long the gateway may hold a call with nothing to tell.

    `before`: the wire that this one follows. A call that it gave up may reach the gateway late and supersede one of
    this wire's, which is no other client.
    """

    kind: Literal["socket", "exchange"] = "exchange"

    def __init__(
        self, *, url: str, token: str, http: httpx.AsyncClient, hold_seconds: Callable[[], float],
        before: "ExchangeWire | None" = None,
    ) -> None:  # fmt: skip
        self._url, self._http, self._hold_seconds = url, http, hold_seconds
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._head: Head = _nothing
        self._outgoing: deque[bytes] = deque()
        self._heard: asyncio.Queue[Heard | WireClosed] = asyncio.Queue()
        self._to_send, self._room = asyncio.Event(), asyncio.Event()
        self._ended: WireClosed | None = None
        self._left: set[asyncio.Task[None]] = set()
        self._answered = False
        self._left_failure: WireClosed | None = None
        self._talkative = False
        self._late_until: float = before._late_until if before is not None else 0.0
        self._calling = asyncio.create_task(self._call_on())

    def acknowledge_with(self, head: Head) -> None:
        self._head = head

    # --- what a connection uses ---

    async def send(self, frame: bytes) -> None:
        while len(self._outgoing) >= _ROOM and self._ended is None:
            self._room.clear()
            await self._room.wait()
        if self._ended is not None:
            raise self._ended
        self._outgoing.append(frame)
        self._to_send.set()

    async def receive(self) -> Heard:
        heard = await self._heard.get()
        if isinstance(heard, WireClosed):
            self._heard.put_nowait(heard)
            raise heard
        return heard

    async def close(self, code: int) -> None:
        """Send what waits; of the end itself the gateway is told by frames only."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._outgoing and self._ended is None:
                    self._room.clear()
                    await self._room.wait()
        self._end(WireClosed(code))

    def abort(self) -> None:
        self._end(WireClosed(NETWORK))

    def _end(self, why: WireClosed) -> None:
        if self._ended is not None:
            return
        self._ended = why
        self._late_until = time.monotonic() + _LATE_SECONDS
        self._heard.put_nowait(why)
        self._room.set()
        for task in (self._calling, *self._left):
            if task is not asyncio.current_task():
                task.cancel()

    # --- calls ---

    async def _call_on(self) -> None:
        try:
            await self._to_send.wait()  # Hello
            while self._ended is None:
                if self._outgoing:
                    await self._deliver()
                else:
                    await self._listen()
        except WireClosed as closed:
            self._end(closed)
        except Exception:
            log.exception("exchange.failed")
            self._end(WireClosed(NETWORK))

    async def _deliver(self) -> None:
        """One call that carries frames."""
        crowded = self._crowded()
        answer = await self._post(self._batch(), hold_seconds=0.0)
        self._answered = True
        if self._left:
            await asyncio.wait(self._left, timeout=PATIENCE_SECONDS)  # they were answered before this one
        self._hear(answer, crowded=crowded)
        self._answered = False
        if self._left_failure is not None:
            raise self._left_failure

    async def _listen(self) -> None:
        """One call that waits for something to be told, until there is something to send."""
        if self._talkative and await self._something_to_send(_LINGER_SECONDS):
            return  # the answer to what was just heard rides on the next call
        self._to_send.clear()
        held = asyncio.create_task(self._hold())
        sending = asyncio.create_task(self._to_send.wait())
        try:
            await asyncio.wait({held, sending}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            held.cancel()
            raise
        finally:
            sending.cancel()
        if held.done():
            held.result()
        else:
            self._left.add(held)
            held.add_done_callback(self._left_answered)

    async def _something_to_send(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._to_send.wait()
        return bool(self._outgoing)

    async def _hold(self) -> None:
        crowded = self._crowded()
        answer = await self._post([], hold_seconds=self._hold_seconds())
        self._hear(answer, crowded=crowded or asyncio.current_task() in self._left)

    def _crowded(self) -> bool:
        return bool(self._left) or time.monotonic() < self._late_until

    def _left_answered(self, task: asyncio.Task[None]) -> None:
        self._left.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._left_failure = error if isinstance(error, WireClosed) else WireClosed(NETWORK)
        if not self._answered:  # else the newer call's answer is heard first
            self._end(self._left_failure)

    def _batch(self) -> list[bytes]:
        """As many waiting frames as one body takes, one at least."""
        batch, size = [self._outgoing.popleft()], 0
        while self._outgoing and len(batch) < _BODY_FRAMES:
            size += len(batch[-1])
            if size + len(self._outgoing[0]) > _BODY_BYTES:
                break
            batch.append(self._outgoing.popleft())
        self._room.set()
        return batch

    async def _post(self, batch: list[bytes], *, hold_seconds: float) -> httpx.Response:
        head = self._head()
        acknowledged = b"null" if head is None else b"%d" % head
        body = b'{"frames":[%b],"ack":%b,"hold_ms":%d}' % (b",".join(batch), acknowledged, int(hold_seconds * 1000))
        timeout = httpx.Timeout(_ANSWER_SECONDS, read=hold_seconds + _ANSWER_SECONDS)
        try:
            return await self._http.post(self._url, content=body, headers=self._headers, timeout=timeout)
        except (httpx.HTTPError, OSError) as error:
            log.info("exchange.disconnected", extra={"why": type(error).__name__})
            raise WireClosed(NETWORK, why=why_not(self._url, error)) from error

    def _hear(self, response: httpx.Response, *, crowded: bool) -> None:
        """Pass on what an answer says; `crowded`: it may have been superseded by another call of ours.

        :raises WireClosed: the answer is a problem that ends the wire
        """
        failed = response.status_code >= 400
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            code = code_of_problem("", response.status_code) if failed else NETWORK
            why = f"the exchange {place(self._url)} is answered with HTTP {response.status_code}, and no frames"
            raise WireClosed(code, retry_after(response), why=why) from error
        for frame in answer.frames:
            self._heard.put_nowait(bytes(frame))
        if answer.ack is not None or not failed:
            self._heard.put_nowait(answer.ack or 0)
        self._talkative = bool(answer.frames)
        if not failed:
            return
        code = code_of_problem(answer.code, response.status_code)
        if not (crowded and code == SUPERSEDED):
            why = f"{answer.code}: {answer.detail}" if answer.detail else ""
            raise WireClosed(code, retry_after(response), why=why)


def _nothing() -> None:
    return None
