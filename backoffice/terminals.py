"""Terminals as people see them: alive or silent, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sessions_app.models import EaSession


@dataclass(frozen=True, slots=True)
class Terminal:
    """A session and whether its terminal has been heard of within its timeout."""

    session: EaSession
    alive: bool
    silence: timedelta | None

    @classmethod
    def of(cls, session: EaSession, now: datetime) -> "Terminal":
        heard = session.last_heartbeat_at
        silence = max(now - heard, timedelta(0)) if heard is not None else None
        alive = silence is not None and silence <= timedelta(seconds=session.heartbeat_timeout)
        return cls(session, alive, silence)

    @property
    def heard(self) -> str:
        """How long ago it was heard of, in words."""
        if self.silence is None:
            return "never"
        return f"{in_words(self.silence)} ago"


def in_words(span: timedelta) -> str:
    """A time span in its largest unit of which there are two at least."""
    seconds = int(span.total_seconds())
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
