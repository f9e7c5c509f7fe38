"""InitRequest as it is sent: with what is known at this moment, and in parts if its list of symbols is long."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec

from eagateway_sdk.frames import InitRequest, StatusHeartbeat
from eagateway_sdk.ids import uuid7
from eagateway_sdk.parts import pages

MAX_SYMBOLS: Final = 2000
PARTS_PER_SECOND: Final = 16  # the gateway takes 20 frames a second, and others go out between them
TICKETS: Final = "ticket"
"""Told for an executor that closes one of two positions with one magic number, by its ticket."""
CAPABILITIES: Final = ("gap_fill", "init_parts", "resend", "snapshot", "snapshot_parts")


def complete(request: InitRequest, *, ea_version: str, tickets: bool = False) -> InitRequest:
    """The application's InitRequest with what this library knows of itself, and of the terminal.

    :raises ValueError: more symbols than the gateway takes
    """
    if len(request.symbols) > MAX_SYMBOLS:
        raise ValueError(f"InitRequest has {len(request.symbols)} symbols, at most {MAX_SYMBOLS} are taken")
    return msgspec.structs.replace(
        request,
        ea_version=request.ea_version or ea_version[:64] or None,
        capabilities=request.capabilities or [*CAPABILITIES, *([TICKETS] if tickets else [])],
    )


def parts(request: InitRequest, *, funds: StatusHeartbeat, transport: str) -> list[InitRequest]:
    """The frames that tell it, in order; several share a digest of their own. Figures that it has win over `funds`."""
    told = msgspec.structs.replace(request, transport=transport)
    if request.balance is None:
        told = msgspec.structs.replace(told, balance=funds.balance, equity=funds.equity, free_margin=funds.free_margin)
    found = pages(msgspec.structs.replace(told, symbols=[]), told.symbols)
    if len(found) == 1:
        return [told]
    digest = str(uuid7())
    return [
        msgspec.structs.replace(told, n=number, of=len(found), digest=digest, symbols=page)
        for number, page in enumerate(found, start=1)
    ]


class Introducer:
    """Tells one link's terminal, not faster than the gateway takes it; one set of parts at a time."""

    def __init__(self, say: Callable[[InitRequest], None]) -> None:
        self._say = say
        self._busy = False

    def tell(self, request: InitRequest, *, funds: StatusHeartbeat, transport: str) -> Coroutine[Any, Any, None] | None:
        """Say it now, or its first parts; what then has to be run for the others, if there are any."""
        if self._busy:
            return None
        told = parts(request, funds=funds, transport=transport)
        for part in told[:PARTS_PER_SECOND]:
            self._say(part)
        rest = told[PARTS_PER_SECOND:]
        if not rest:
            return None
        self._busy = True
        return self._go_on(rest)

    async def _go_on(self, rest: Sequence[InitRequest]) -> None:
        try:
            for start in range(0, len(rest), PARTS_PER_SECOND):
                await asyncio.sleep(1)
                for part in rest[start : start + PARTS_PER_SECOND]:
                    self._say(part)
        finally:
            self._busy = False
