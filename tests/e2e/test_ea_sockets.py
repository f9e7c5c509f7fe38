"""The EA with DLLs against a real gateway: its socket, what it does where there is none, and how it keeps secrets."""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ea.host.build import compiler
from tests.e2e.gateway import Cast, Gateway
from tests.ea.conftest import WITHOUT
from tests.ea.seats import Seat, kept, until

pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]
SOCKET_ONLY = 1


@pytest.fixture
def cast(gateway: Gateway) -> Cast:
    """A master and his follower."""
    return gateway.provision({})


@pytest.fixture
def follower(gateway: Gateway, cast: Cast, tmp_path: Path) -> Iterator[Seat]:
    """Its terminal, not started."""
    with Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], tmp_path / "follower", way="socket") as seat:
        yield seat


@pytest.fixture
def master(gateway: Gateway, cast: Cast, tmp_path: Path) -> Iterator[Seat]:
    """His terminal, whose program is at work."""
    with Seat(gateway.url, cast.names[0], cast.keys[cast.names[0]], tmp_path / "master", way="socket") as seat:
        seat.start().live("master").terminal.hears("EA Gateway: watching")
        yield seat


def copies(master: Seat, follower: Seat) -> None:
    """One position comes and goes."""
    ticket = master.broker.open("buy", "0.10")
    until(lambda: follower.lots() == [Decimal("0.1")])
    master.broker.close(ticket)
    until(lambda: not follower.open)


def test_where_something_refuses_sockets_it_goes_on_by_calls(master: Seat, follower: Seat) -> None:
    follower.start(MQL_UPGRADES="0").live("follower")
    follower.terminal.hears("EA Gateway: the socket was refused twice: calls for 10 minutes")
    follower.shows("via calls")
    copies(master, follower)


def test_where_dlls_are_off_it_goes_on_by_web_requests_and_says_so(master: Seat, follower: Seat) -> None:
    follower.start(MQL_DLLS="0", MQL_URLS=follower.url).live("follower")
    follower.shows("DLL OFF: no socket")
    follower.shows("via calls")
    copies(master, follower)


@pytest.mark.nightly
def test_a_socket_that_is_asked_for_and_cannot_be_is_refused_with_what_to_do(follower: Seat) -> None:
    follower.inputs = {"Transport": SOCKET_ONLY}
    follower.start(MQL_DLLS="0", MQL_URLS=follower.url)
    follower.shows("REFUSED - A socket needs DLLs: tick Allow DLL imports")


def test_a_link_that_is_dead_is_left_for_calls_and_the_copy_comes(master: Seat, follower: Seat, tmp_path: Path) -> None:
    frozen = tmp_path / "frozen"
    follower.start(MQL_FREEZE_FILE=str(frozen), MQL_DEAD_LINK_MS="5500").live("follower")
    frozen.touch()
    ticket = master.broker.open("buy", "0.10")
    follower.terminal.hears("EA Gateway: the socket did not answer for 5 seconds: calls for 10 minutes")
    until(lambda: follower.lots() == [Decimal("0.1")])
    follower.shows("via calls")
    assert [words[0] for words in follower.broker.sent] == ["send"]
    master.broker.close(ticket)
    until(lambda: not follower.open)


def test_a_command_that_did_not_arrive_is_asked_for(master: Seat, follower: Seat, tmp_path: Path) -> None:
    dropped = tmp_path / "drop"
    follower.inputs = {"Transport": SOCKET_ONLY}
    follower.start(MQL_DROP_FILE=str(dropped)).live("follower")
    copies(master, follower)
    dropped.write_text('"OrderCommand"')
    first = master.broker.open("buy", "0.20")
    until(lambda: not dropped.exists())
    until(lambda: follower.lots() == [Decimal("0.2")])
    assert "link ended" not in follower.said()
    master.broker.close(first)
    until(lambda: not follower.open)


def test_an_idle_that_never_comes_holds_no_command_up(master: Seat, follower: Seat, tmp_path: Path) -> None:
    dropped = tmp_path / "drop"
    follower.inputs = {"Transport": SOCKET_ONLY}
    follower.start(MQL_DROP_FILE=str(dropped)).live("follower")
    dropped.write_text('"Idle"')
    until(lambda: not dropped.exists())
    copies(master, follower)
    assert "link ended" not in follower.said()


def test_key_and_token_are_wrapped_and_serve_again_after_a_restart(follower: Seat) -> None:
    key, follower.key = follower.key, ""  # AccountKey is empty: it makes one
    follower.start().shows("WAITING FOR APPROVAL")
    folder = follower.folder / "EAGateway"
    made = kept(next(folder.glob("*.key")))
    token = kept(next(folder.glob("*.session"))).split("\t")[1]
    assert len(made) == len(key)
    digits = hashlib.sha256(made.encode()).hexdigest()
    follower.shows(f"key {digits[:4]} {digits[4:8]}")
    on_disk = b"".join(path.read_bytes() for path in folder.iterdir())
    for secret in (made, token):
        assert secret.encode() not in on_disk
        assert secret not in follower.said()
    follower.kill()
    follower.start().shows("WAITING FOR APPROVAL")
    assert kept(next(folder.glob("*.key"))) == made
    assert kept(next(folder.glob("*.session"))).split("\t")[1] == token


@pytest.mark.parametrize("environment", [{"MQL_WINDOWS_USER": "another"}, {"MQL_DLLS": "0"}])
@pytest.mark.nightly
def test_a_key_that_another_user_of_windows_made_is_left_alone(follower: Seat, environment: dict[str, str]) -> None:
    follower.key = ""
    follower.start().shows("WAITING FOR APPROVAL")
    path = next((follower.folder / "EAGateway").glob("*.key"))
    before = path.read_bytes()
    follower.kill()
    follower.start(**environment)
    follower.shows("REFUSED - The key was wrapped by Windows and cannot be read")
    assert path.read_bytes() == before


@pytest.mark.nightly
def test_where_windows_does_not_wrap_the_key_is_kept_plainly_and_wrapped_later(follower: Seat) -> None:
    follower.key = ""
    follower.start(MQL_DPAPI="0").shows("WAITING FOR APPROVAL")
    path = next((follower.folder / "EAGateway").glob("*.key"))
    made = path.read_text().partition(" ")[2]
    assert not made.startswith("dpapi ")
    follower.kill()
    follower.start().shows("WAITING FOR APPROVAL")
    until(lambda: path.read_text().partition(" ")[2].startswith("dpapi "))
    assert kept(path) == made
