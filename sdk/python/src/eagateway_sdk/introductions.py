"""InitRequest as it is sent: with what is known at this moment, and in parts if its list of symbols is long."""

from typing import Final

import msgspec

from eagateway_sdk.frames import InitRequest, StatusHeartbeat
from eagateway_sdk.ids import uuid7
from eagateway_sdk.parts import pages

MAX_SYMBOLS: Final = 2000
CAPABILITIES: Final = ("gap_fill", "init_parts", "resend", "snapshot", "snapshot_parts")


def complete(request: InitRequest, *, ea_version: str) -> InitRequest:
    """The application's InitRequest with what this library knows of itself.

    :raises ValueError: more symbols than the gateway takes
    """
    if len(request.symbols) > MAX_SYMBOLS:
        raise ValueError(f"InitRequest has {len(request.symbols)} symbols, at most {MAX_SYMBOLS} are taken")
    return msgspec.structs.replace(
        request,
        ea_version=request.ea_version or ea_version[:64] or None,
        capabilities=request.capabilities or list(CAPABILITIES),
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
