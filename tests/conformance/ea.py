"""A client that speaks raw frames and nothing else, the same over both transports."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eagateway_sdk.ids import uuid7

from tests import tap
from tests.conformance.links import PATIENCE, Ended, ExchangeLink, Link, contiguous
from tests.conformance.schemas import check_frame, defaults

SYMBOLS: Final = [
    {
        "name": "EURUSD",
        "digits": 5,
        "point": "0.00001",
        "tick_size": "0.00001",
        "tick_value": "1",
        "contract_size": "100000",
        "lots_min": "0.01",
        "lots_step": "0.01",
        "lots_max": "50",
        "quote_currency": "USD",
    }
]
INIT: Final[Mapping[str, Any]] = {"currency": "USD", "symbols": SYMBOLS}
# Enough for thousands of copies of 0.10 lots under the ceiling of every trade.
FUNDS: Final[Mapping[str, Any]] = {"balance": "1000000", "equity": "1000000", "free_margin": "1000000"}


class Ea:
    """One link of one session. Frames wait in `unheard` until a test asks for their kind; `seen` keeps all of them."""

    def __init__(self, link: Link, session: Mapping[str, Any], *, top: int = 0) -> None:
        self.link, self.session = link, session
        self.seq = 0
        self.top = link.has = top
        self.seen: list[dict[str, Any]] = []
        self.unheard: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}

    @property
    def token(self) -> str:
        return str(self.session["session_token"])

    # Sending -------------------------------------------------------------------------------------------------------

    async def send(self, kind: str, payload: Any, *, odd: bool = False, **envelope: Any) -> str:
        """Send one frame; its id. `odd`: it breaks the schemas on purpose."""
        frame_id = str(envelope.pop("id", None) or uuid7())
        frame = {"v": 1, "type": kind, "id": frame_id, "payload": payload, **envelope}
        if odd:
            tap.excuse(frame_id)
        else:
            check_frame(frame)
        await self.link.send(json.dumps(frame))
        return frame_id

    async def durable(self, kind: str, payload: Any, **envelope: Any) -> str:
        """Send one frame under the next number."""
        self.seq += 1
        return await self.send(kind, payload, seq=self.seq, **envelope)

    async def buy(self, position_id: int, **fields: Any) -> str:
        """An intent that opens a position; `id` and `odd` belong to the envelope."""
        envelope = {name: fields.pop(name) for name in ("id", "odd", "resent") if name in fields}
        return await self.durable("OrderIntent", opening(position_id, **fields), **envelope)

    async def buy_many(self, position_ids: Iterable[int]) -> None:
        """Many intents at a pace that the account's rate of 500 a second allows."""
        for some in _batched(position_ids, 100):
            texts = []
            for position_id in some:
                self.seq += 1
                frame = {"v": 1, "type": "OrderIntent", "id": str(uuid7()), "seq": self.seq}
                texts.append(json.dumps(frame | {"payload": opening(position_id)}))
            await self.link.send_many(texts)
            await asyncio.sleep(0.3)

    async def close(self, position_id: int, **fields: Any) -> str:
        order = {"action": "close", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD"}
        return await self.durable("OrderIntent", {**order, **fields})

    async def report(self, command: Mapping[str, Any], status: str, **fields: Any) -> str:
        """An ExecutionReport about a command frame."""
        return await self.durable("ExecutionReport", outcome(command, status, **fields))

    async def beat(self, **fields: Any) -> dict[str, Any]:
        """One heartbeat; its answer. What was sent before it has been served by then."""
        await self.send("StatusHeartbeat", {**FUNDS, **fields})
        answer: dict[str, Any] = (await self.hear("HeartbeatAck"))["payload"]
        return answer

    async def beat_past(self, moment: str) -> None:
        """Beat until the server's clock is past a moment."""
        told = ""
        while told <= moment:
            told = (await self.beat())["server_time"]
            await asyncio.sleep(0.06)  # 20 frames a second is the bound

    async def introduce(self, **fields: Any) -> dict[str, Any]:
        """InitRequest; InitAck's payload."""
        await self.send("InitRequest", {**INIT, **fields})
        answer: dict[str, Any] = (await self.hear("InitAck"))["payload"]
        return answer

    async def asked_for_snapshot(self, reason: str | None = None) -> dict[str, Any]:
        """The payload of the gateway's request for a snapshot; it asks at the start of a session."""
        asked = await self.hear(
            "SyncSnapshot", lambda told: told["phase"] == "request" and reason in (None, told["reason"])
        )
        payload: dict[str, Any] = asked["payload"]
        return payload

    async def snapshot(self, request: Mapping[str, Any], **fields: Any) -> None:
        """Report the book that a request asks for: flat, with funds, unless told otherwise."""
        book = {"phase": "report", "request_id": request["request_id"], "hash": str(uuid7()), "taken_at": now_text()}
        held = {"applied_server_seq": self.top, "balance": "10000", "equity": "10000"}
        await self.send("SyncSnapshot", {**book, **held, **fields})

    # Hearing -------------------------------------------------------------------------------------------------------

    async def hear(self, kind: str, when: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first frame of this type that no test has asked for yet, and whose payload is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for frame in self.unheard:
                    if frame["type"] == kind and when(frame["payload"]):
                        self.unheard.remove(frame)
                        return frame
                await self.next_frame()

    async def next_frame(self) -> dict[str, Any]:
        """Read one frame, which must be what the schemas say.

        :raises Ended: there is none any more
        """
        frame = await self.link.receive()
        check_frame(frame)
        frame["payload"] = {**defaults(frame["type"]), **frame["payload"]}
        self.seen.append(frame)
        self.unheard.append(frame)
        if frame["type"] == "SessionState":
            self.state = frame["payload"]
        self.top = contiguous(self.top, frame)
        return frame

    async def alert(self, code: str | None = None) -> dict[str, Any]:
        """The next ErrorAlert's payload; its code, if one is expected."""
        payload: dict[str, Any] = (await self.hear("ErrorAlert"))["payload"]
        assert code in (None, payload["code"]), payload
        return payload

    async def commands(self, count: int) -> list[dict[str, Any]]:
        return [await self.hear("OrderCommand") for _ in range(count)]

    async def hears(self, seq: int, *, since: int) -> None:
        """Read on to the frame of this number, the first `since` frames left out."""
        while all(frame.get("seq") != seq for frame in self.seen[since:]):
            since = len(self.seen)
            async with asyncio.timeout(PATIENCE):
                await self.next_frame()

    async def acked(self, seq: int) -> None:
        """Return when the gateway has acknowledged a number; it may take its time as long as it gets on."""
        while (before := self.acknowledged()) < seq:
            async with asyncio.timeout(PATIENCE):
                while self.acknowledged() == before:
                    await self.next_frame()

    def acknowledged(self) -> int:
        """The highest number of ours that the gateway has acknowledged so far."""
        told = max((frame.get("ack") or 0 for frame in self.seen), default=0)
        return max(told, self.link.stored) if isinstance(self.link, ExchangeLink) else told

    async def end(self) -> Ended:
        """Read to the end of the link."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.next_frame()
                except Ended as ended:
                    return ended

    async def ends_with(self, close_code: int) -> None:
        """Read to the end, which must be what the protocol's table says of this close code."""
        ended = await self.end()
        assert ended.means(close_code), (ended.code, ended.problem, self.kinds())

    def kinds(self, *wanted: str) -> list[str]:
        """The types of the frames seen so far, in order; of these types only, if any are named."""
        return [frame["type"] for frame in self.seen if not wanted or frame["type"] in wanted]

    def alerts(self) -> list[str]:
        return [frame["payload"]["code"] for frame in self.seen if frame["type"] == "ErrorAlert"]


def _batched(items: Iterable[int], size: int) -> Iterator[list[int]]:
    """`size` items at a time."""
    rest = iter(items)
    while some := list(itertools.islice(rest, size)):
        yield some


def now_text() -> str:
    return text_of(datetime.now(UTC))


def text_of(moment: datetime) -> str:
    """As the wire writes times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def later(moment: str, *, seconds: float) -> str:
    return text_of(datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def opening(position_id: int, **fields: Any) -> dict[str, Any]:
    """An intent's payload: a bought position."""
    order = {"action": "open", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD", "side": "buy"}
    return {**order, "lots": "0.10", "price": "1.1", **fields}


def outcome(command: Mapping[str, Any], status: str, **fields: Any) -> dict[str, Any]:
    """A report's payload about a command frame."""
    payload = command["payload"]
    named = {"command_id": payload["command_id"], "command_seq": command["seq"], "copy_no": payload["copy_no"]}
    return {**named, "status": status, "attempt": payload.get("attempt", 1), **fields}
