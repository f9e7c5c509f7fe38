"""The EA with DLLs as a 32-bit program of Windows, under wine: its calls go to the real WinHTTP, DPAPI and kernel32.

No part of what is needed anywhere else: without wine and a compiler for Windows it is skipped.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import SOURCES, Options, build, compiler_for_windows
from tests.e2e.gateway import Cast, Gateway
from tests.ea.seats import Seat, until

SLOW: Final = 120.0
SOCKET_ONLY: Final = 1
WRAPPED: Final = re.compile(r"^[0-9a-f]{8} dpapi [0-9a-f]{200,}$")


@cache
def missing() -> str:
    """Why this cannot be run here, in one line; empty: it can."""
    if compiler_for_windows() is None:
        return "no run under wine: no compiler (install g++-mingw-w64-i686, or name one in EAGATEWAY_MINGW)"
    if wine() is None:
        return "no run under wine: no wine for 32 bits (install wine32, or name one in EAGATEWAY_WINE)"
    return ""


def wine() -> str | None:
    """The program; None: not here."""
    return shutil.which(os.environ.get("EAGATEWAY_WINE") or "wine")


pytestmark = [pytest.mark.lane("embedded"), pytest.mark.nightly]


@pytest.fixture(scope="session", autouse=True)
def can_be_run() -> None:
    """Before a gateway is started for it."""
    if missing():
        pytest.skip(missing())


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Windows of its own, as wine makes it, which ends with the tests."""
    folder = tmp_path_factory.mktemp("wine") / "prefix"
    told = {
        **os.environ,
        "WINEPREFIX": str(folder),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "WINEARCH": "win32",
    }
    done = subprocess.run([str(wine()), "wineboot", "-i"], env=told, capture_output=True, timeout=SLOW, check=False)
    if not (folder / "drive_c" / "windows" / "system32" / "winhttp.dll").exists():
        pytest.skip(
            f"no run under wine: it makes no 32-bit Windows here ({done.stderr[-200:].decode(errors='replace')!r})"
        )
    # whoever is first starts the services of Windows, and they keep what he writes to open for as long as they run
    first = subprocess.Popen(
        [str(wine()), "cmd"], env=told, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield folder
    first.kill()
    first.communicate()
    subprocess.run([str(wine()), "wineboot", "-k"], env=told, capture_output=True, timeout=SLOW, check=False)


@pytest.fixture
def executable(prefix: Path, tmp_path: Path) -> Path:
    """What starts the program for Windows."""
    program = build(SOURCES / "mql4" / "EAGateway.mq4", Options(windows=True))
    path = tmp_path / "started"
    said = f"export WINEPREFIX='{prefix}' WINEARCH=win32 WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='"
    path.write_text(f"#!/bin/sh\n{said}\nexec '{wine()}' '{program}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def cast(gateway: Gateway) -> Cast:
    """A master and his follower."""
    return gateway.provision({})


def seat_of(gateway: Gateway, cast: Cast, number: int, folder: Path, executable: Path) -> Seat:
    """One of them, whose program has no other way than the socket."""
    name = cast.names[number]
    seat = Seat(gateway.url, name, cast.keys[name], folder, way="socket", executable=executable)
    seat.inputs = {"Transport": SOCKET_ONLY}
    return seat


@pytest.fixture
def master(gateway: Gateway, cast: Cast, tmp_path: Path, executable: Path) -> Iterator[Seat]:
    """His terminal, whose program is at work."""
    with seat_of(gateway, cast, 0, tmp_path / "master", executable) as seat:
        seat.start().live("master").terminal.hears("EA Gateway: watching")
        yield seat


@pytest.fixture
def follower(gateway: Gateway, cast: Cast, tmp_path: Path, executable: Path) -> Iterator[Seat]:
    """Its terminal, not started."""
    with seat_of(gateway, cast, 1, tmp_path / "follower", executable) as seat:
        yield seat


def copies(master: Seat, follower: Seat) -> None:
    """One position comes and goes."""
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.lots() == [Decimal("0.1")])
    master.broker.close(ticket)
    until(lambda: not follower.open)


def test_a_trade_is_copied_through_the_sockets_of_winhttp(master: Seat, follower: Seat) -> None:
    follower.start().live("follower")
    follower.shows("via socket")
    copies(master, follower)
    for seat in (master, follower):
        assert "link ended" not in seat.said()


def test_the_key_is_wrapped_by_dpapi_and_a_restart_resumes_its_session(follower: Seat) -> None:
    key, follower.key = follower.key, ""
    follower.start().shows("WAITING FOR APPROVAL")
    folder = follower.folder / "EAGateway"
    until(lambda: list(folder.glob("*.session")))
    key_file, session = next(folder.glob("*.key")), next(folder.glob("*.session"))
    before, token = key_file.read_bytes(), session.read_bytes()
    assert key
    assert WRAPPED.match(before.decode().strip())
    assert WRAPPED.match(session.read_text().strip())
    shown = next(line for line in follower.chart() if "key " in line)
    follower.kill()
    follower.start().shows("WAITING FOR APPROVAL")
    assert next(line for line in follower.chart() if "key " in line) == shown
    assert key_file.read_bytes() == before
    assert session.read_bytes() == token  # another session would have been wrapped anew


def test_a_second_chart_finds_the_journal_in_use_and_a_killed_ones_successor_takes_over(
    master: Seat, follower: Seat
) -> None:
    follower.start().live("follower")
    copies(master, follower)
    other = Seat(follower.url, follower.account, follower.key, follower.folder, way="socket", broker=follower.broker)
    other.executable, other.inputs = follower.executable, follower.inputs
    with other:
        other.start().shows("REFUSED")
        follower.kill()
        other.live("follower")
        copies(master, other)
    assert [words[0] for words in follower.broker.sent] == ["send", "close"] * 2


def test_a_gateway_that_stops_and_comes_back_is_found_again(
    own_gateway: Gateway, tmp_path: Path, executable: Path
) -> None:
    cast = own_gateway.provision({})
    with (
        seat_of(own_gateway, cast, 0, tmp_path / "master", executable) as master,
        seat_of(own_gateway, cast, 1, tmp_path / "follower", executable) as follower,
    ):
        for seat, role in ((master, "master"), (follower, "follower")):
            seat.start().live(role).terminal.hears("EA Gateway: watching")
        copies(master, follower)
        own_gateway.end(signal.SIGKILL)
        until(lambda: all("link ended" in seat.said() for seat in (master, follower)))
        own_gateway.start()
        copies(master, follower)
        assert [words[0] for words in follower.broker.sent] == ["send", "close"] * 2
