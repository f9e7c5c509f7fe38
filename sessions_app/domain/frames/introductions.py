"""InitRequests: how one that comes in parts becomes whole, and what of it is kept."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from sessions_app.domain.decimals import to_builtins
from sessions_app.domain.frames.payloads import InitRequest

# Figures of one moment, and how it was told: none of it makes another terminal of it.
_OF_THE_MOMENT: Final = ("balance", "equity", "free_margin", "n", "of", "digest")


def fault(request: InitRequest) -> tuple[str, str] | None:
    """(path, rule) of what an InitRequest lacks, or None."""
    if request.n > request.of:
        return "$.n", "`n` is at most `of`"
    if request.of > 1 and request.digest is None:
        return "$.digest", "an InitRequest in parts needs the `digest` that all of them share"
    return None


def place(request: InitRequest) -> tuple[object, int, int]:
    """(name of the set, number, of how many) of one part."""
    return request.digest, request.n, request.of


def weight(request: InitRequest) -> int:
    """How many symbols one part carries; the whole has a bound on them."""
    return len(request.symbols)


def join(parts: Sequence[InitRequest]) -> InitRequest:
    """The whole InitRequest: what the first part says, with the symbols of all."""
    symbols = [symbol for part in parts for symbol in part.symbols]
    return replace(parts[0], n=1, of=1, digest=None, symbols=symbols)


def content(request: InitRequest) -> dict[str, Any]:
    """What is kept of a whole one: equal for equal terminals, whatever money they have and however they told it."""
    kept: dict[str, Any] = to_builtins(request)
    for name in _OF_THE_MOMENT:
        kept.pop(name, None)
    return kept
