"""Connections that ask for nothing yet: half requests, quiet sockets, clients that rest between two requests.

They cost a file descriptor each, and strangers hold as many as they like. So a request has to arrive in time, and of
one address, and of all together, only so many may be quiet: the one that has been quiet longest makes room, never the
one that comes. A connection at work, and a socket that has said its first word, is bounded by what it asks for.
"""

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from django.conf import settings

from sessions_app.domain.addresses import counted_as

GRACE_SECONDS: Final = 2.0
"""A crowd that comes back at once is accepted before it is read: so long nobody counts as quiet."""
OTHER_FILES: Final = 256
"""What is left for the database, the sockets at work and the log, when quiet connections take all they may."""
FEW_FILES: Final = 8192
Peer = tuple[str, int]
_log = structlog.get_logger(__name__)


def raise_file_limit() -> int:
    """As many open files as the system lets this process have. Returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < FEW_FILES:
        _log.warning("server.few_files", files=hard)
    return hard


@dataclass(slots=True)
class _Caller:
    """One connection. `quiet_since`: None while it is at work."""

    close: Callable[[], None]
    counted: str
    quiet_since: float | None = None
    until: float = 0.0
    rests: bool = False


class Callers:
    """Lives in one event loop; `most`: how many may be quiet in all."""

    def __init__(self, *, most: int) -> None:
        self._most = max(1, most)
        self._callers: dict[Peer, _Caller] = {}
        self._quiet: dict[Peer, None] = {}  # the one that is quiet longest comes first
        self._of_address: dict[str, dict[Peer, None]] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once a second for those whose time is over."""
        loop.call_later(1, self._look, loop)

    def came(self, peer: Peer, close: Callable[[], None]) -> None:
        """A connection was made: its request has to be here in time."""
        # A proxy of ours has bounds of its own: everybody comes from its address.
        counted = "" if peer[0] in settings.TRUSTED_PROXIES else counted_as(peer[0])
        self._callers[peer] = caller = _Caller(close, counted)
        self._be_quiet(peer, caller, settings.GATEWAY["request_seconds"])
        self._make_room(caller.counted)

    def heard(self, peer: Peer) -> None:
        """Bytes came: of who rested they begin a request, which has to be here in time."""
        caller = self._callers.get(peer)
        if caller is not None and caller.rests:
            self._be_quiet(peer, caller, settings.GATEWAY["request_seconds"])

    def has_head(self, peer: Peer) -> None:
        """The head of its request is here: its body has as long again."""
        caller = self._callers.get(peer)
        if caller is not None and caller.quiet_since is not None:
            caller.until = time.monotonic() + settings.GATEWAY["request_seconds"]

    def works(self, peer: Peer) -> None:
        """Its request is here, or its socket has said its first word."""
        caller = self._callers.get(peer)
        if caller is not None and caller.quiet_since is not None:
            caller.quiet_since, caller.rests = None, False
            self._forget_quiet(peer, caller)

    def answered(self, peer: Peer) -> None:
        """It has its answer, and may keep its connection for a while."""
        caller = self._callers.get(peer)
        if caller is not None:
            self._be_quiet(peer, caller, settings.GATEWAY["keep_alive_seconds"], rests=True)

    def opened(self, peer: Peer) -> None:
        """It is a socket now, which says Hello in time or is closed by its consumer."""
        caller = self._callers.get(peer)
        if caller is not None:
            self._be_quiet(peer, caller, float("inf"))

    def gone(self, peer: Peer) -> None:
        """The connection has ended."""
        caller = self._callers.pop(peer, None)
        if caller is not None:
            self._forget_quiet(peer, caller)

    def _be_quiet(self, peer: Peer, caller: _Caller, seconds: float, *, rests: bool = False) -> None:
        self._forget_quiet(peer, caller)
        now = time.monotonic()
        caller.quiet_since, caller.until, caller.rests = now, now + seconds, rests
        self._quiet[peer] = None
        self._of_address.setdefault(caller.counted, {})[peer] = None

    def _forget_quiet(self, peer: Peer, caller: _Caller) -> None:
        self._quiet.pop(peer, None)
        same = self._of_address.get(caller.counted, {})
        same.pop(peer, None)
        if not same:
            self._of_address.pop(caller.counted, None)

    def _make_room(self, counted: str) -> None:
        while len(self._quiet) > self._most:
            self._end(next(iter(self._quiet)))
        if not counted:
            return
        same, grace = self._of_address.get(counted, {}), time.monotonic() - GRACE_SECONDS
        while len(same) > settings.GATEWAY["connections_per_address"]:
            oldest = next(iter(same))
            if (self._callers[oldest].quiet_since or 0.0) > grace:
                return
            self._end(oldest)

    def _end(self, peer: Peer) -> None:
        caller = self._callers[peer]
        self.gone(peer)
        caller.close()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for peer in [peer for peer in self._quiet if self._callers[peer].until < now]:
            self._end(peer)
        for counted in list(self._of_address):
            self._make_room(counted)
        self.start(loop)


def callers() -> Callers:
    """Those of a server that begins now, with as many files as it may have."""
    return Callers(most=raise_file_limit() - OTHER_FILES)
