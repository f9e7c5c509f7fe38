"""What a Hello tells of the EA's memory: does it know our log, and may another terminal have executed its commands?"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sessions_app.domain.frames.payloads import Hello


class Memory(Enum):
    """How the EA's memory of the command log compares with the log.

    `SAME`: it is a part of it. `OTHER`: it belongs to another epoch, its numbers mean nothing here. `BEYOND`: the EA
    has seen what this log does not hold (any more): the database behind it was set back.
    """

    SAME = "same"
    OTHER = "other"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a Hello says of the EA's ledger; kept with its session, so that a promotion can act on it."""

    epoch: UUID | None = None
    last_server_seq: int = 0
    last_server_id: UUID | None = None
    installation_id: str = ""
    ledger_head: int = 0
    max_copy_no_seen: int = 0

    @classmethod
    def of(cls, hello: Hello) -> "Claims":
        return cls(
            epoch=hello.epoch,
            last_server_seq=hello.last_server_seq,
            last_server_id=hello.last_server_id,
            installation_id=hello.installation_id or "",
            # An EA that keeps no ledger head has at least seen what it has received.
            ledger_head=max(hello.ledger_head, hello.last_server_seq),
            max_copy_no_seen=hello.max_copy_no_seen,
        )

    def stored(self) -> dict[str, Any]:
        """As a JSON column keeps it."""
        return {
            "epoch": str(self.epoch) if self.epoch else None,
            "last_server_seq": self.last_server_seq,
            "last_server_id": str(self.last_server_id) if self.last_server_id else None,
            "installation_id": self.installation_id,
            "ledger_head": self.ledger_head,
            "max_copy_no_seen": self.max_copy_no_seen,
        }

    @classmethod
    def read(cls, content: dict[str, Any]) -> "Claims":
        """From what `stored` made."""
        ids = {name: UUID(content[name]) if content.get(name) else None for name in ("epoch", "last_server_id")}
        return cls(**{**content, **ids})


@dataclass(frozen=True, slots=True)
class Former:
    """The last session before this one that may have been sent commands, and when it ended."""

    installation_id: str
    ended_at: datetime


def memory(claims: Claims, *, epoch: UUID, top_seq: int, known_ids: frozenset[UUID]) -> Memory:
    """How the EA's memory compares with the log; `known_ids`: the frames that its last number may have been.

    An EA that names no epoch is believed only as far as the log goes.
    """
    if claims.epoch is not None and claims.epoch != epoch:
        # Nothing of that log was ever received: such is the one that a pending session is told of.
        return Memory.SAME if claims.last_server_seq == claims.ledger_head == 0 else Memory.OTHER
    # Without an epoch the number may come from the log of another server.
    if claims.last_server_seq > top_seq:
        return Memory.BEYOND if claims.epoch is not None else Memory.OTHER
    # The number is in our log; but a restored log may have given it to another frame.
    told = claims.last_server_id if claims.epoch is not None and claims.last_server_seq else None
    return Memory.BEYOND if told is not None and told not in known_ids else Memory.SAME


def told_log(*, pending: bool, session_id: UUID, claimed: str | None, epoch: UUID, top_seq: int) -> tuple[UUID, int]:
    """The epoch and the top of the command log as a session may know them.

    Who waits for approval may be a stranger, and learns nothing of the account: his own claim comes back, or a log of
    his own, and it is empty. A terminal whose key is being replaced thus keeps its ledger until it is told the truth.
    """
    if not pending:
        return epoch, top_seq
    return (UUID(claimed) if claimed else session_id), 0


def shares_ledger(claims: Claims, former: Former, *, acked_seq: int) -> bool:
    """Whether the EA holds the ledger of the former session: the same installation, reaching as far as was acked.

    Two terminals that give no installation id count as the same one.
    """
    return claims.installation_id == former.installation_id and claims.ledger_head >= acked_seq
