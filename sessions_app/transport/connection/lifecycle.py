"""How one link ends: what either side has said of it, with which close code, and what came after that."""

import asyncio
from typing import Protocol


class Goodbye(Protocol):
    """An EA's goodbye under way; see transport.outbound.shutdown."""

    def look(self) -> None:
        """Something of this link was stored."""


class Lifecycle:
    """Belongs to one connection; each field is written here alone.

    `goodbye`: the EA has said that it goes. `leaving`: the gateway has said so, and takes nothing more but the answer
    (`answered`). `ignored`: frames that came after that. `closing`: nothing more is queued, and the link ends with
    `close_code`; the EA is to come back after `retry_after` seconds, if that is known. `closed`: all of it was sent.
    """

    def __init__(self) -> None:
        self.goodbye: Goodbye | None = None
        self.leaving = False
        self.answered = asyncio.Event()
        self.ignored = 0
        self.closing = False
        self.close_code: int | None = None
        self.retry_after: int | None = None
        self.closed = asyncio.Event()

    @property
    def ending(self) -> bool:
        """Whether it was said or done that this link ends."""
        return self.leaving or self.closing

    # The EA goes ---------------------------------------------------------------------------------------------------

    def begin_goodbye(self, goodbye: Goodbye) -> None:
        """The EA has said goodbye, and something that it sent before is missing still."""
        self.goodbye = goodbye

    def end_goodbye(self, goodbye: Goodbye) -> bool:
        """This goodbye is to be answered now; False if it was answered before."""
        if self.goodbye is not goodbye:
            return False
        self.goodbye = None
        return True

    # The gateway goes ----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """The EA was told that this link will be closed."""
        self.leaving = True

    def hear_answer(self) -> None:
        """The EA has answered that: nobody has to wait for it any more."""
        self.answered.set()

    def ignore_frame(self) -> None:
        """A frame came too late; it is not stored, so it comes again over the next link."""
        self.ignored += 1

    def come_back_after(self, seconds: int | None) -> None:
        """When the EA may open its next link."""
        self.retry_after = seconds

    # The end -------------------------------------------------------------------------------------------------------

    def close(self, code: int) -> bool:
        """Queue nothing more, and close with this code; False if the link was closing already: the first code stays."""
        if self.closing:
            return False
        self.closing, self.close_code = True, code
        return True

    def finish(self) -> None:
        """Everything was sent: nobody has to wait for it any more."""
        self.closed.set()

    def drop(self) -> int:
        """The peer has gone; how many of its frames were ignored, each told once."""
        self.closing = True
        self.closed.set()
        ignored, self.ignored = self.ignored, 0
        return ignored
