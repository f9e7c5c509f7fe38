"""Daphne's frames go to the socket at once, and one after the other when it takes no more: on a real, narrow socket."""

import socket
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from daphne.server import reactor as _installed  # noqa: F401 - before anything of Twisted installs another one
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.tcp import Connection

from eagateway.servers.paced_daphne import PacedProtocol


class Reactor:
    """Notes who waits for his socket; the test says when it is ready."""

    def __init__(self) -> None:
        self.writers: list[Any] = []
        self.asked = 0

    def addWriter(self, one: Any) -> None:  # noqa: N802 - Twisted's name
        self.asked += 1
        if one not in self.writers:
            self.writers.append(one)

    def removeWriter(self, one: Any) -> None:  # noqa: N802 - Twisted's name
        if one in self.writers:
            self.writers.remove(one)

    def removeReader(self, one: Any) -> None:  # noqa: N802 - Twisted's name
        """Nobody reads here."""


class Line:
    """A protocol whose socket holds a few kilobytes, and who reads at its other end."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for one in (ours, self.theirs):
            one.setblocking(False)
        reactor: Any = Reactor()
        self.reactor: Reactor = reactor
        self.protocol: Any = PacedProtocol()
        self.protocol.transport = Connection(ours, self.protocol, reactor)
        self.protocol.transport.connected = True
        self.protocol.state, self.protocol.send_queue = PacedProtocol.STATE_OPEN, deque()
        self.read = b""

    def hear(self) -> None:
        """Read what is there, and let the reactor write more, until nothing waits."""
        while True:
            try:
                self.read += self.theirs.recv(65536)
            except BlockingIOError:
                if not self.reactor.writers:
                    return
                self.protocol.transport.doWrite()

    def close(self) -> None:
        self.theirs.close()
        self.protocol.transport.socket.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_a_frame_that_the_socket_takes_is_there_without_a_turn_of_the_loop(line: Line) -> None:
    line.protocol.sendData(b"command")
    assert (line.theirs.recv(100), line.reactor.asked) == (b"command", 0)


@given(st.lists(st.tuples(st.integers(1, 9000), st.booleans()), min_size=1, max_size=30))
def test_whatever_the_socket_takes_all_bytes_come_once_and_in_order(frames: list[tuple[int, bool]]) -> None:
    line, sent = Line(), b""
    for number, (size, somebody_reads) in enumerate(frames):
        frame = bytes([number]) * size
        sent += frame
        line.protocol.sendData(frame)
        if somebody_reads:
            line.hear()
    line.hear()
    line.close()
    assert line.read == sent


def test_a_socket_that_is_gone_ends_the_connection(line: Line) -> None:
    line.theirs.close()
    line.protocol.sendData(b"first")
    line.protocol.sendData(b"second")
    assert line.reactor.writers == [line.protocol.transport]  # Twisted meets the error there, and tells the protocol
    assert isinstance(line.protocol.transport.doWrite(), Exception)
