"""Frames made from the schemas, valid and broken, over the socket and over the exchange.

The gateway names what is wrong, and lives. A frame that failed once is kept in `regressions.json` and tried first.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from eagateway_sdk.ids import uuid7
from hypothesis import HealthCheck, Phase, given, seed, settings
from websockets.exceptions import ConnectionClosed

from sessions_app.domain.problems import PROBLEMS
from tests.conformance.schemas import check_frame
from tests.e2e.gateway import SYMBOLS, Cast, Gateway, RawEa, drop_sockets
from tests.fuzz.conftest import LANES
from tests.fuzz.frames import Frame, is_valid, mutated_frames, valid_frames

pytestmark = [pytest.mark.lane(*LANES), pytest.mark.sends_invalid_frames]
SEED: Final = 20261127
SECONDS: Final = 12.0
LEAST: Final = 20
REGRESSIONS: Final = Path(__file__).with_name("regressions.json")
NUMBERED: Final = ("OrderIntent", "ExecutionReport", "ErrorAlert", "GapFill")
FUZZ: Final = settings(
    max_examples=400,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
Attempt = Callable[[Frame], Coroutine[Any, Any, None]]


class Prober:
    """One authenticated terminal that is replaced when its link ends; every frame is followed by a heartbeat."""

    def __init__(self, cast: Cast, number: int) -> None:
        self._cast, self._number = cast, number
        self._ea: RawEa | None = None
        self.tried = 0

    async def probe(self, frame: Frame) -> list[dict[str, Any]]:
        """Send one frame; what the gateway answered before it answered a heartbeat, or before it closed the link."""
        ea = self._ea or await self._connect()
        before = len(ea.seen)
        try:
            await ea.socket.send(json.dumps(_numbered(frame, ea)))
            await ea.send("StatusHeartbeat", {"balance": "1000"})
            await ea.hear("HeartbeatAck")
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            assert 4000 <= code < 5000, code
            ea.seq = 10**6
        self.tried += 1
        said = ea.seen[before:]
        self._leave(ea, said, frame)
        return said

    async def _connect(self) -> RawEa:
        self._ea = await RawEa.connect(self._cast.gateway, self._cast.token(self._number))
        await self._ea.introduce()
        return self._ea

    def _leave(self, ea: RawEa, said: list[dict[str, Any]], frame: Frame) -> None:
        """A budget of garbage is five frames, and a link says no more after it: take a fresh one in time. After a
        heartbeat, too: each of the two is answered, and the second answer would end the next frame's wait."""
        if codes_of(said) or ea.seq > 200 or frame.get("type") == "StatusHeartbeat":
            ea.socket.transport.abort()
            self._ea = None


def _numbered(frame: Frame, ea: RawEa) -> Frame:
    """A durable frame under the next number."""
    if frame.get("type") not in NUMBERED or "seq" in frame:
        return frame
    ea.seq += 1
    return {**frame, "seq": ea.seq}


def codes_of(said: list[dict[str, Any]]) -> list[str]:
    """The codes of all alerts, each of which says what the registry says."""
    alerts = [answer["payload"] for answer in said if answer["type"] == "ErrorAlert"]
    for alert in alerts:
        problem = PROBLEMS[alert["code"]]
        assert alert["remediation"] == problem.remediation
        assert (alert["retry"]["policy"], alert.get("retryable", False)) == (problem.retry, problem.retryable)
        assert alert.get("severity", "error") == problem.severity
    return [alert["code"] for alert in alerts]


def verdict(frame: Frame, codes: list[str]) -> None:
    """What every answer keeps to: registered codes, no failure of ours, and an error for what breaks the schema."""
    assert set(codes) <= set(PROBLEMS), codes
    assert not {"internal", "poisoned"} & set(codes), codes
    read_as = {"payload": {}, **frame}  # docs/protocol.md: a frame without a payload has an empty one
    if not is_valid("Envelope")(read_as) or not is_valid(str(read_as["type"]))(read_as["payload"]):
        assert codes, "a broken frame was taken without a word"


def fuzz(strategy: Any, attempt: Attempt) -> int:
    """Try the frames that failed once, then new ones for SECONDS, the same ones in every run; how many were tried.

    A failing frame is shrunk, shown, and added to the file of those that failed once.
    """
    tried: list[Frame] = []
    failed: list[Frame] = []
    ends = time.monotonic() + SECONDS
    with asyncio.Runner() as runner:
        for frame in json.loads(REGRESSIONS.read_text()):
            runner.run(attempt({**frame, "id": str(uuid7())} if "id" in frame else frame))

        @seed(SEED)
        @FUZZ
        @given(frame=strategy)
        def run(frame: Frame) -> None:
            # A slow machine takes longer, and tries no less; what failed is tried until it is as small as it gets.
            if failed or time.monotonic() < ends or len(tried) <= LEAST:
                tried.append(frame)
                failed.append(frame)
                runner.run(attempt(frame))
                failed.remove(frame)

        try:
            run()
        except BaseException:
            _keep(tried[-1:])
            raise
        finally:
            runner.run(_leave())
    return len(tried)


async def _leave() -> None:
    """Drop the sockets of this loop while it runs."""
    drop_sockets()


def _keep(failed: list[Frame]) -> None:
    kept = json.loads(REGRESSIONS.read_text())
    REGRESSIONS.write_text(json.dumps(kept + [frame for frame in failed if frame not in kept], indent=2) + "\n")


@pytest.fixture
def cast(wide_gateway: Gateway) -> Cast:
    return wide_gateway.provision({}, {})


BOTH: Final = pytest.mark.parametrize("strategy", [valid_frames(), mutated_frames()], ids=["valid", "mutated"])


@BOTH
def test_case_103_frames_from_the_schemas_are_taken_or_named_over_the_socket(cast: Cast, strategy: Any) -> None:
    prober = Prober(cast, 1)

    async def attempt(frame: Frame) -> None:
        verdict(frame, codes_of(await prober.probe(frame)))

    assert fuzz(strategy, attempt) > LEAST
    assert cast.token(0), "the gateway lives"


@BOTH
def test_case_103_frames_from_the_schemas_are_taken_or_named_over_the_exchange(cast: Cast, strategy: Any) -> None:
    with httpx.Client(timeout=30) as http:
        session = Session(cast, 2, http)

        async def attempt(frame: Frame) -> None:
            verdict(frame, session.call(frame))

        assert fuzz(strategy, attempt) > LEAST
    assert cast.token(0), "the gateway lives"


class Session:
    """The same by calls of the exchange; a session that was told of an error is replaced."""

    def __init__(self, cast: Cast, number: int, http: httpx.Client) -> None:
        self._cast, self._number, self._http = cast, number, http
        self._url, self._token, self._seq = "", "", 0

    def call(self, frame: Frame) -> list[str]:
        """One call with this frame; the codes in its answer."""
        if not self._url:
            self._open()
        if frame.get("type") in NUMBERED and "seq" not in frame:
            self._seq += 1
            frame = {**frame, "seq": self._seq}
        answer = self._post([frame, _plain("StatusHeartbeat", {})])
        body = answer.json()
        for told in body.get("frames", []):
            check_frame(told)
        codes = codes_of(body.get("frames", [])) + ([body["code"]] if answer.status_code != 200 else [])
        assert answer.status_code < 500, body
        if codes:
            self._url = ""
        return codes

    def _open(self) -> None:
        name = self._cast.names[self._number]
        asked = {"account_id": name, "auth_method": "account_session_key", "auth_key": self._cast.keys[name]}
        opened = self._http.post(f"{self._cast.gateway.url}/ea-gateway/v1/sessions", json={**asked, "platform": "sdk"})
        told = opened.raise_for_status().json()
        self._url, self._token, self._seq = told["exchange_url"], told["session_token"], 0
        self._post([_plain("Hello", {}), _plain("InitRequest", {"currency": "USD", "symbols": SYMBOLS})])

    def _post(self, frames: list[Frame]) -> httpx.Response:
        body = json.dumps({"frames": frames, "hold_ms": 0})
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        return self._http.post(self._url, content=body, headers=headers)


def _plain(kind: str, payload: dict[str, Any]) -> Frame:
    return {"v": 1, "type": kind, "id": str(uuid7()), "payload": payload}
