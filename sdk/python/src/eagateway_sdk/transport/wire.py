"""What a connection needs of a transport."""

from collections.abc import Callable
from typing import Final, Literal, Protocol

PATIENCE_SECONDS: Final = 0.5
Heard = str | bytes | int
Head = Callable[[], int | None]


class WireClosed(Exception):
    """The transport ended, with the protocol's close code and the pause that the gateway asked for. `why`: the cause,
    where more is known than the code."""

    def __init__(self, code: int, after_seconds: float | None = None, *, why: str = "") -> None:
        super().__init__(why or f"closed with {code}")
        self.code = code
        self.after_seconds = after_seconds
        self.why = why


class Wire(Protocol):
    """One open transport of one session; whoever opened it says Hello first."""

    kind: Literal["socket", "exchange"]

    def acknowledge_with(self, head: Head) -> None:
        """`head` tells what of the gateway's numbers may be acknowledged, for transports that do it themselves."""

    async def send(self, frame: bytes) -> None:
        """Hand over one frame; frames keep their order.

        :raises WireClosed: it has ended
        """

    async def receive(self) -> Heard:
        """The next frame of the gateway, or the bare number that it acknowledges.

        :raises WireClosed: it has ended, and everything that came before was received
        """

    async def close(self, code: int) -> None:
        """End it in order, within half a second."""

    def abort(self) -> None:
        """End it as a network failure would."""
