"""The exchange from outside: request and answer instead of a socket, and both in turn."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from eagateway_sdk.ids import uuid7

from tests import tap
from tests.conformance.schemas import check_frame
from tests.e2e.gateway import SYMBOLS, Cast, Gateway, RawEa

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
INTRODUCED = ("InitRequest", {"currency": "USD", "symbols": SYMBOLS})


class Caller:
    """A terminal without a socket."""

    def __init__(self, cast: Cast, number: int) -> None:
        opened = cast.open(number)
        self.token: str = opened["session_token"]
        self.http = httpx.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}, timeout=20)
        self._url: str = opened["exchange_url"]

    async def call(self, *frames: tuple[str, dict[str, Any]], **body: Any) -> httpx.Response:
        """One call; a frame with `seq` in its payload is sent under that number."""
        encoded = [
            {"v": 1, "type": kind, "id": str(uuid7()), "payload": payload, **body.pop(f"envelope_{place}", {})}
            for place, (kind, payload) in enumerate(frames)
        ]
        answer = await self.http.post(self._url, json={"frames": encoded, **body})
        for frame in answer.json().get("frames", []):
            check_frame(frame)
        return answer

    async def hear(self, *frames: tuple[str, dict[str, Any]], **body: Any) -> list[dict[str, Any]]:
        """The frames of the answer, but for the request for a snapshot: it comes whenever it is due."""
        answer = await self.call(*frames, **body)
        assert answer.status_code == 200, answer.text
        return [frame for frame in answer.json()["frames"] if frame["type"] != "SyncSnapshot"]


@pytest.fixture
async def callers(gateway: Gateway) -> AsyncIterator[tuple[Caller, Caller, Cast]]:
    cast = gateway.provision({})
    pair = Caller(cast, 0), Caller(cast, 1)
    yield (*pair, cast)
    for caller in pair:
        await caller.http.aclose()


async def _introduce(*callers: Caller) -> None:
    """Returns when the request for the first snapshot is out, so that a held answer is held."""
    for caller in callers:
        answer = await caller.call(("Hello", {}), INTRODUCED)
        kinds = [frame["type"] for frame in answer.json()["frames"]]
        while "SyncSnapshot" not in kinds:
            kinds += [frame["type"] for frame in (await caller.call(hold_ms=1000)).json()["frames"]]
        assert kinds == ["SessionState", "InitAck", "SyncSnapshot"]


def _buy(position_id: int) -> tuple[str, dict[str, Any]]:
    order = {"action": "open", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD", "side": "buy"}
    return "OrderIntent", {**order, "lots": "0.1", "price": "1.1"}


async def test_half_a_character_in_a_comment_holds_up_no_order(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, _ = callers
    await _introduce(master, follower)

    async def say(kind: str, payload: dict[str, Any], **envelope: Any) -> httpx.Response:
        frame = {"v": 1, "type": kind, "id": str(uuid7()), "payload": payload, **envelope}
        tap.excuse(frame["id"])
        return await master.http.post(master._url, content=json.dumps({"frames": [frame]}))

    kind, order = _buy(1)
    assert (await say(kind, {**order, "comment": "to the moon \ud83d"}, seq=1)).json()["ack"] == 1
    (command,) = await follower.hear(hold_ms=2000)
    assert (command["type"], command["payload"]["position_id"]) == ("OrderCommand", 1)
    assert (await say("StatusHeartbeat", {"terminal_time": "\ud83d"})).json()["code"] == "malformed"


async def test_a_trade_goes_to_the_follower_and_back(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, _ = callers
    await _introduce(master, follower)
    assert (await master.call(_buy(1), envelope_0={"seq": 1})).json()["ack"] == 1
    (command,) = await follower.hear(hold_ms=2000)
    assert (command["type"], command["seq"]) == ("OrderCommand", 1)
    filled = {"command_id": command["payload"]["command_id"], "status": "filled", "ticket": 7, "lots": "0.1"}
    answer = await follower.call(("ExecutionReport", filled), envelope_0={"seq": 1}, ack=1)
    assert answer.json()["ack"] == 1


async def test_a_held_answer_comes_with_the_first_command(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, _ = callers
    await _introduce(master, follower)
    held = asyncio.ensure_future(follower.hear(hold_ms=60_000))
    await master.call(_buy(1), envelope_0={"seq": 1})
    assert [frame["type"] for frame in await held] == ["OrderCommand"]


async def test_an_answer_that_was_lost_is_given_again_as_resent(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, _ = callers
    await _introduce(master, follower)
    await master.call(_buy(1), envelope_0={"seq": 1})
    (first,) = await follower.hear(hold_ms=2000)
    (again,) = await follower.hear(ack=0)
    assert (again["id"], again["seq"], again.get("resent")) == (first["id"], 1, True)
    assert await follower.hear(ack=1) == []


async def test_a_newer_call_supersedes_the_one_in_flight(callers: tuple[Caller, Caller, Cast]) -> None:
    _, follower, _ = callers
    await _introduce(follower)
    held = asyncio.ensure_future(follower.call(hold_ms=60_000))
    await asyncio.sleep(0)
    while not held.done():
        await follower.call(hold_ms=0)
    answer = held.result()
    assert (answer.status_code, answer.json()["code"]) == (409, "superseded")


async def test_socket_and_exchange_alternate_without_loss_or_doubling(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, cast = callers
    await _introduce(master, follower)
    received = []
    for turn in range(1, 7):
        await master.call(_buy(turn), envelope_0={"seq": turn})
        if turn % 2:
            received += await follower.hear(ack=turn - 1, hold_ms=2000)
        else:
            epoch = (await follower.hear(("Hello", {})))[0]["payload"]["epoch"]
            ea = await RawEa.connect(cast.gateway, follower.token, epoch=epoch, last_server_seq=turn - 1)
            received.append(await ea.hear("OrderCommand"))
    numbers = [frame["seq"] for frame in received if frame["type"] == "OrderCommand"]
    assert numbers == [1, 2, 3, 4, 5, 6]


async def test_an_exchange_takes_the_place_of_the_socket(callers: tuple[Caller, Caller, Cast]) -> None:
    _, follower, cast = callers
    ea = await RawEa.connect(cast.gateway, follower.token)
    await ea.hear("SessionState")
    assert (await follower.hear())[0]["type"] == "SessionState"
    assert await ea.close_code() == 4411


async def test_a_preempted_session_is_told_with_the_frames_a_socket_would_have_got(
    callers: tuple[Caller, Caller, Cast],
) -> None:
    master, _, cast = callers
    await _introduce(master)
    held = asyncio.ensure_future(master.call(hold_ms=60_000))
    newer = Caller(cast, 0)
    answer = await held
    assert (answer.status_code, answer.json()["code"]) == (409, "preempted")
    assert answer.json()["frames"][0]["payload"]["reason"] == "preempted"
    await newer.http.aclose()


async def test_a_session_that_has_ended_is_gone(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, cast = callers
    await cast.close(master.token)
    assert (await master.call()).status_code == 410
    follower.http.headers["Authorization"] = "Bearer nonsense"
    assert (await follower.call()).status_code == 401


async def test_another_sessions_exchange_does_not_exist(callers: tuple[Caller, Caller, Cast]) -> None:
    master, follower, _ = callers
    follower.http.headers["Authorization"] = f"Bearer {master.token}"
    assert (await follower.call()).status_code == 404


async def test_the_hold_is_bounded_by_half_a_heartbeat_interval(callers: tuple[Caller, Caller, Cast]) -> None:
    _, follower, _ = callers
    await _introduce(follower)
    began = time.monotonic()
    assert await follower.hear(hold_ms=60_000) == []
    assert time.monotonic() - began < 10


@pytest.mark.sends_invalid_frames
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"frames": 1}', b'{"frames": [], "ack": -1}', b"\xff"])
async def test_a_body_that_is_none_is_a_problem(callers: tuple[Caller, Caller, Cast], body: bytes) -> None:
    master, _, _ = callers
    answer = await master.http.post(master._url, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.sends_invalid_frames
async def test_a_malformed_frame_is_named_and_the_rest_is_taken(callers: tuple[Caller, Caller, Cast]) -> None:
    master, _, _ = callers
    await _introduce(master)
    answer = await master.http.post(master._url, json={"frames": [7, {"v": 1, "type": "Poll", "id": str(uuid7())}]})
    assert sorted(frame["type"] for frame in answer.json()["frames"]) == ["ErrorAlert", "Idle"]


async def test_poll_is_answered_with_idle_behind_what_waits(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    await follower.hear("SyncSnapshot")
    await follower.send("Poll", {"hold_ms": 0})
    await follower.hear("Idle")
    await follower.send("Poll", {"hold_ms": 60_000})
    await master.buy(1)
    await follower.hear("Idle")
    assert follower.kinds()[-2:] == ["OrderCommand", "Idle"]


@pytest.mark.lane("production")
async def test_a_link_in_another_gateway_process_is_superseded_too(gateway: Gateway, quick_gateway: Gateway) -> None:
    cast = gateway.provision({})
    old = await cast.ea(0)
    newer = await RawEa.connect(quick_gateway, old.token)
    await newer.hear("SessionState")
    assert await old.close_code() == 4411


async def test_the_call_that_ends_its_session_is_told_so_itself(callers: tuple[Caller, Caller, Cast]) -> None:
    master, _, _ = callers
    await _introduce(master)
    order = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
    trade = ("OrderIntent", {**order, "price": "1.1"})
    assert (await master.call(trade, envelope_0={"seq": 1})).status_code == 200
    answer = await master.call(trade, envelope_0={"seq": 1})  # another id under a used number
    assert (answer.status_code, answer.json()["code"]) == (400, "protocol_error")
    assert [frame["type"] for frame in answer.json()["frames"]][:1] == ["ErrorAlert"]


async def test_who_resumes_is_told_that_its_introduction_is_known(callers: tuple[Caller, Caller, Cast]) -> None:
    master, _, _ = callers
    first = (await master.call(("Hello", {}))).json()["frames"][0]["payload"]
    assert first["next_step"] == "send InitRequest"
    await master.call(INTRODUCED)
    again = (await master.call(("Hello", {}))).json()["frames"][0]["payload"]
    assert again["next_step"] == "go on: your InitRequest is known"
