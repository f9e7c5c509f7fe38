"""What comes on a socket and is no frame of the protocol: nothing is done twice, and the EA goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.ea.gateways import AnyGateway, message
from tests.ea.seats import ACCOUNT, KEY, Seat, until
from tests.ea.test_gateways import GARBAGE, MAGIC, order, sound
from tests.ea.test_watching import looks, told

pytestmark = pytest.mark.compiles
SOCKET_ONLY: Final = 1
TYPES: Final = (
    "SessionState", "InitAck", "OrderCommand", "GapFill", "ErrorAlert", "Ack", "SyncSnapshot", "ResendRequest",
    "ShutdownNotice", "TestRequest", "HeartbeatAck", "Idle", "Nothing that anybody knows",
)  # fmt: skip
PAYLOADS: Final[tuple[object, ...]] = (
    None,
    [],
    {},
    7,
    "words",
    {"seq": "one", "ack": -1, "status": [], "from_seq": 2**70},
)
NONSENSE: Final = [
    json.dumps({"v": 1, "type": kind, "id": 5, "seq": "first", "payload": payload}).encode()
    for kind in TYPES
    for payload in PAYLOADS
]
ENDS: Final = [
    message(b"\x03\xea", kind=8),  # 1002
    message(b"", kind=8),
    message(bytes(range(256)), kind=2),
    message(b"x" * 3_000_000),  # more than anybody takes
    b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",  # longer than there is memory
]


@pytest.fixture
def seat(gateway: AnyGateway, tmp_path: Path) -> Iterator[Seat]:
    """A terminal whose program has a socket and nothing to fall back to."""
    with Seat(gateway.url, ACCOUNT, KEY, tmp_path / "one", {"Transport": SOCKET_ONLY}, "socket") as one:
        yield one


def executes_once(seat: Seat, gateway: AnyGateway) -> None:
    """An order that comes behind all of it, again and again. Its report goes out."""
    until(lambda: not gateway.noise, 60)
    gateway.orders = lambda: [order(1, 1)]
    until(lambda: [one["status"] for one in told(seat)] == ["filled"], 60)
    until(lambda: gateway.named("ExecutionReport"))
    seat.shows("LIVE as follower")
    looks(seat)
    assert [position.magic for position in seat.open] == [MAGIC + 1]
    assert "STOPPED" not in "".join(seat.chart())
    sound(seat)


def test_messages_that_are_no_frames_of_the_protocol_end_no_link(seat: Seat, gateway: AnyGateway) -> None:
    gateway.guards = {"max_lots": "0.30"}
    bodies = [body for _, _, body in GARBAGE if len(body) < 1_000_000]
    seat.start(MQL_CLOCK_RATE="20").live("follower")
    several = [message(one) for one in [*bodies, b"x" * 100_000, *NONSENSE]]
    gateway.noise = [b"".join(several[place : place + 12]) for place in range(0, len(several), 12)]
    executes_once(seat, gateway)
    assert "link ended" not in seat.said()
    journal = next((seat.folder / "EAGateway").glob("*.log")).read_text(encoding="utf-8").split("\n")
    # Said once, kept, and not taken back by what says nothing: the role, the owner's limits.
    assert [line[6:-9] for line in journal if line[6:8] in {"K ", "W "}] == ["K follower", 'W {"max_lots": "0.30"}']


def test_what_ends_a_link_is_followed_by_another_one(seat: Seat, gateway: AnyGateway) -> None:
    seat.start(MQL_CLOCK_RATE="50").live("follower")
    gateway.noise = [*ENDS]
    executes_once(seat, gateway)
    assert seat.said().count("link ended") == len(ENDS)
