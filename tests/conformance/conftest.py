"""Deployments, stages and the record of a conformance run.

A test of case 12 is named `test_case_012_...`. It runs over both transports unless `@pytest.mark.over(...)` names one,
or "rest", "rows", "sdk", "tcp" where it speaks neither. `make conformance` and the nightly run do both; the usual run
takes the socket for the cases of odd numbers and the exchange for the even ones.

A case about an EA takes `played`: it runs with the SDK as above and, as `[socket-ea]` and `[exchange-ea]`, with the EA
itself, in MetaTrader 4 and, as `[exchange-mt5-ea]`, in a MetaTrader 5 that hedges, for which there is no program with a
socket; by day over the socket and in MetaTrader 5, in the first of its variants. `@pytest.mark.over("ea")`: with the EA
alone; `over("ea", "socket")`: with it and over the socket alone.

On the production lane the EA plays by day the cases marked `also_on_production`, over the socket, and by night all that
it plays; the other cases run there by `make conformance` alone.

CONFORMANCE_SERVER chooses the ASGI server of our own deployments (else that which a deployment on the lane's database
has); CONFORMANCE_URL and CONFORMANCE_ACCOUNTS name another
deployment, against which only the wire cases run.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ea.host.build import compiler
from tests.conformance.cases import AWAITED, CASES, Mark
from tests.conformance.ea_player import EaPlayer, compiled
from tests.conformance.house import Elsewhere, House, OwnHouse, Role
from tests.conformance.players import Actor, Casting
from tests.conformance.record import Record, cases_of
from tests.conformance.sdk_player import Player
from tests.conformance.stage import Stage
from tests.ea.conftest import WITHOUT
from tests.integration import tokens

BOTH = ("socket", "exchange")
BY_DAY = ("socket-ea", "exchange-mt5-ea")
ELSEWHERE = os.environ.get("CONFORMANCE_URL", "")
SPOILING = {6, 7, 36, 40, 41, 101, 102, 103, 104, 105, 107, 109, 168}  # cases about frames that break the schemas
PATIENCE = {
    "HEARTBEAT_TIMEOUT_SECONDS": "60",
    "UNKNOWN_KEYS_PER_MINUTE": "10000",
    "TOKEN_REQUESTS_PER_MINUTE": "1000",
    "IN_DOUBT_SECONDS": "1",
    "LOG_LEVEL": "INFO",
}
METHODS = {
    "AUTH_METHODS": "account_session_key,bearer_token,oauth_client_credentials",
    "BEARER_TOKEN_ISSUER": tokens.ISSUER,
    "BEARER_TOKEN_AUDIENCE": tokens.AUDIENCE,
    "BEARER_TOKEN_PUBLIC_KEY": tokens.public_pem(tokens.rsa_key()),
}
_record = Record()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "terminal" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("over")
        by_sdk = [] if marker else _one_of_both(metafunc.function.__name__)
        ways = [pytest.param(*one.values, "sdk", marks=one.marks, id=one.values[0]) for one in by_sdk]
        asked = [one for one in _by_the_ea() if not marker or not marker.args[1:] or one.values[0] in marker.args]
        metafunc.parametrize(("transport", "terminal"), [*ways, *asked])
    elif "transport" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("over")
        metafunc.parametrize("transport", marker.args if marker else _one_of_both(metafunc.function.__name__))


def _one_of_both(name: str) -> list[Any]:
    """By day one of them, by the case's number: what is theirs alone is little, and nearly all of it has cases of its
    own. The other one by night."""
    by_day = BOTH[1 - sum(cases_of(name)) % 2]
    return [pytest.param(each, marks=() if each == by_day else pytest.mark.nightly) for each in BOTH]


def _by_the_ea() -> list[Any]:
    """By day over the socket, which the program has that traders are told to take, and in MetaTrader 5."""
    without = pytest.mark.skipif(compiler() is None, reason=WITHOUT)
    nightly = pytest.mark.nightly
    return [
        pytest.param("socket", "mt4", marks=without, id="socket-ea"),
        pytest.param("exchange", "mt4", marks=[without, nightly], id="exchange-ea"),
        pytest.param("exchange", "mt5", marks=without, id="exchange-mt5-ea"),
    ]


def _leave_to_the_night(items: list[pytest.Item]) -> None:
    """Of a case's variants the EA plays the first by day: each takes five seconds of its own timers."""
    played = set()
    for item in items:
        way = next((way for way in BY_DAY if way in item.name), None)
        if way is None:
            continue
        first = (getattr(item, "originalname", ""), way)
        if first in played:
            item.add_marker(pytest.mark.nightly)
        played.add(first)


def _bring_to_production(items: list[pytest.Item]) -> None:
    """What an EA may rely on must not depend on the database below. By night all of it, by day a few cases."""
    for item in items:
        chosen = item.get_closest_marker("also_on_production") and BY_DAY[0] in item.name
        if "-ea" in item.name and (chosen or "EAGATEWAY_NIGHTLY" in os.environ):
            item.add_marker(pytest.mark.lane("embedded", "production"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is not built yet may fail. Elsewhere, what is not a wire case is none of ours."""
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    _leave_to_the_night(here)
    _bring_to_production(here)
    for item in here:
        if SPOILING & set(cases_of(item.name)):
            item.add_marker(pytest.mark.sends_invalid_frames)
    for item in here:
        for number in AWAITED.keys() & set(cases_of(item.name)):
            item.add_marker(pytest.mark.xfail(reason=f"awaits {AWAITED[number]}", strict=False))
    if not ELSEWHERE:
        return
    away = {item for item in here if _is_by_an_ea(item) or not _is_on_the_wire(item)}
    if away:
        config.hook.pytest_deselected(items=list(away))
        items[:] = [item for item in items if item not in away]


def _is_on_the_wire(item: pytest.Item) -> bool:
    return any(CASES[number].mark is Mark.WIRE for number in cases_of(item.name))


def _is_by_an_ea(item: pytest.Item) -> bool:
    return "played" in getattr(item, "fixturenames", ())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _record.note(report)


def pytest_sessionfinish() -> None:
    path = os.environ.get("CONFORMANCE_RESULTS")
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        _record.write(Path(path))


def _own(folder: Path, **env: str) -> OwnHouse:
    fitting = "uvicorn" if "DATABASE_URL" in os.environ else "daphne"
    return OwnHouse(folder, server=os.environ.get("CONFORMANCE_SERVER", fitting), **env)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A patient deployment, shared by the cases that only talk to it."""
    if ELSEWHERE:
        yield Elsewhere(ELSEWHERE, Path(os.environ["CONFORMANCE_ACCOUNTS"]))
        return
    house = _own(tmp_path_factory.mktemp("house"), **PATIENCE, **METHODS).start()
    yield house
    house.end()


@pytest.fixture(scope="session")
def quick_house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[House]:
    """A deployment that expects a heartbeat every second, and tells limits that stand in nobody's way."""
    if ELSEWHERE:
        yield request.getfixturevalue("house")
        return
    pace = {
        "HEARTBEAT_INTERVAL_SECONDS": "1",
        "HEARTBEAT_TIMEOUT_SECONDS": "3",
        "EA_GUARDS": "max_lots=7.5,max_spread_points=900",
    }
    house = _own(tmp_path_factory.mktemp("quick"), **pace).start()
    yield house
    house.end()


@pytest.fixture
async def stage(house: House, transport: str) -> AsyncIterator[Stage]:
    """The patient deployment over one transport."""
    stage = Stage(house, transport)
    yield stage
    await stage.strike()


@pytest.fixture
async def quick_stage(quick_house: House, transport: str) -> AsyncIterator[Stage]:
    """The quick deployment over one transport."""
    stage = Stage(quick_house, transport)
    yield stage
    await stage.strike()


@pytest.fixture
def played(terminal: str, transport: str) -> Iterator[Casting]:
    """Makes the account of a role that `terminal` plays: the SDK, or the EA in a MetaTrader of that platform."""
    made: list[EaPlayer] = []
    if terminal != "sdk":
        compiled(transport, terminal)  # before anybody's heartbeats are due

    def play(stage: Stage, role: Role, folder: Path) -> Actor:
        if terminal == "sdk":
            return Player(stage, role, folder)
        made.append(EaPlayer(stage, role, folder, platform=terminal))
        return made[-1]

    yield play
    for player in made:
        player.close()
