"""Every frame type is one row: what it carries, who sends it, what a pending session may do with it, and who takes it.

The rows of the trade frames stand in orders.domain.wire.registry; eagateway.protocol puts them together. The documents,
the handlers' tables, the dispatcher, the rate limits, delivery and the ingest batch read the rows. So a new type is a
payload, a row, a handler and its test.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from sessions_app.domain.frames import payloads
from sessions_app.domain.frames.mending import Mending
from sessions_app.domain.frames.payloads import Payload


class Sender(StrEnum):
    EA = "EA"
    SERVER = "server"
    BOTH = "both"


class Pending(StrEnum):
    """What happens to a frame while the session waits for its approval, in the words of the documents."""

    ALLOWED = "allowed"
    STORED = "stored"
    QUARANTINED = "stored, applied at promotion"
    SENT = "sent"
    WITHHELD = "held back"


class Traffic(Enum):
    """Which rate bucket of an authenticated session counts it. All frames of a pending one share another."""

    GENERAL = "general"
    INTENTS = "intents"
    REPORTS = "reports"
    ACKS = "acks"


class Taker(Enum):
    """Who takes a frame of an EA: its link at once, or the ingest batch in its transaction."""

    NOBODY = "nobody"
    LINK = "link"
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameType:
    """One row. `handler`: the name under which the taker's table has it; every one is bound, or nothing starts.

    `pending_note`: what the documents say instead of `pending`'s own words. `durable`: it has a number. `fact`: it is
    taken from a session that has ended, too. `proves_life`: its sender is alive. `renews_standing`: once the batch had
    it, the session's row has news for its link. `kept`: its content stays in its row. `urgent`: others wait for what
    follows from it, so it is stored before what waits beside it. `mending`: what it can do without where it cannot be
    read; None: it is read whole or refused.
    """

    payload: type[Payload]
    sender: Sender
    pending: Pending
    durable: bool = False
    pending_note: str = ""
    traffic: Traffic = Traffic.GENERAL
    taker: Taker = Taker.NOBODY
    handler: str = ""
    fact: bool = False
    proves_life: bool = False
    renews_standing: bool = False
    kept: bool = False
    urgent: bool = False
    mending: Mending | None = None

    @property
    def name(self) -> str:
        """What the envelope calls it."""
        return self.payload.__name__

    @property
    def in_pending(self) -> str:
        """What happens to it while the session is pending, in words."""
        return self.pending_note or self.pending.value

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return " ".join((self.payload.__doc__ or "").split("\n\n")[0].split())


def by_name(rows: Iterable[FrameType]) -> Mapping[str, FrameType]:
    """The rows in their order, which is that of the documents.

    :raises ValueError: a name stands twice, or a row has no taker for what an EA sends, or one for what it does not
    """
    found: dict[str, FrameType] = {}
    for row in rows:
        if row.name in found:
            raise ValueError(f"two rows for {row.name}")
        comes = row.sender is not Sender.SERVER
        if comes != bool(row.handler) or comes != (row.taker is not Taker.NOBODY):
            raise ValueError(f"{row.name}: what an EA sends has a taker and a handler, and nothing else has")
        found[row.name] = row
    return found


# Who is connected.
SESSION_FRAMES: Final = (
    FrameType(payload=payloads.Hello, sender=Sender.EA, pending=Pending.ALLOWED, taker=Taker.LINK, handler="greet"),
    FrameType(payload=payloads.SessionState, sender=Sender.SERVER, pending=Pending.SENT),
    FrameType(payload=payloads.TestRequest, sender=Sender.SERVER, pending=Pending.SENT),
    FrameType(
        payload=payloads.InitRequest,
        sender=Sender.EA,
        pending=Pending.STORED,
        pending_note="stored; InitAck deferred",
        taker=Taker.BATCH,
        handler="introduce",
        renews_standing=True,
        mending=Mending(
            needs=lambda content: payloads.INIT_NEEDS,
            ornaments=frozenset({"broker", "server"}),
            rows={"symbols": payloads.SYMBOL_NEEDS},
        ),
    ),
    FrameType(
        payload=payloads.InitAck,
        sender=Sender.SERVER,
        pending=Pending.WITHHELD,
        pending_note="only after authentication",
    ),
    FrameType(
        payload=payloads.StatusHeartbeat,
        sender=Sender.EA,
        pending=Pending.STORED,
        taker=Taker.BATCH,
        handler="record_heartbeat",
        proves_life=True,
        mending=Mending(),
    ),
    FrameType(payload=payloads.HeartbeatAck, sender=Sender.SERVER, pending=Pending.SENT),
)
# What keeps two logs and a link in order, whatever is told over them.
LINK_FRAMES: Final = (
    FrameType(
        payload=payloads.ErrorAlert,
        sender=Sender.BOTH,
        pending=Pending.QUARANTINED,
        pending_note="from EA stored; to EA not sent",
        durable=True,
        taker=Taker.BATCH,
        handler="log_alerts",
        # People look here for what a terminal has complained of.
        kept=True,
        mending=Mending(needs=lambda content: {"code"}, ornaments=frozenset({"message", "remediation"})),
    ),
    FrameType(
        payload=payloads.ShutdownNotice,
        sender=Sender.BOTH,
        pending=Pending.ALLOWED,
        taker=Taker.BATCH,
        handler="answer_goodbyes",
    ),
    FrameType(
        payload=payloads.ResendRequest, sender=Sender.BOTH, pending=Pending.ALLOWED, taker=Taker.LINK, handler="resend"
    ),
    FrameType(
        payload=payloads.GapFill,
        sender=Sender.BOTH,
        pending=Pending.ALLOWED,
        durable=True,
        taker=Taker.BATCH,
        handler="log_gaps",
    ),
    # The link takes the frame, and lets the batch know up to which number: a Poll or an envelope says it as well.
    FrameType(
        payload=payloads.Ack,
        sender=Sender.BOTH,
        pending=Pending.ALLOWED,
        traffic=Traffic.ACKS,
        taker=Taker.LINK,
        handler="acknowledge",
    ),
    FrameType(payload=payloads.Poll, sender=Sender.EA, pending=Pending.ALLOWED, taker=Taker.LINK, handler="poll"),
    FrameType(payload=payloads.Idle, sender=Sender.SERVER, pending=Pending.SENT),
)
