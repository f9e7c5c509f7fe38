"""Terminals as people see them: alive or silent, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from django.utils.translation import gettext

from sessions_app.domain.lifecycle import KeyState, SessionStatus
from sessions_app.models import EaSession


class Link(NamedTuple):
    """What is to be known of a session to say whether its terminal is there. A page that looks at thousands reads these
    instead of sessions: to build a model takes ten times as long. Its fields are called as the columns are."""

    account_id: UUID
    state: str
    last_heartbeat_at: datetime | None
    heartbeat_timeout: int
    key__state: str | None


class Heard(Protocol):
    """A session, or a Link."""

    @property
    def last_heartbeat_at(self) -> datetime | None: ...
    @property
    def heartbeat_timeout(self) -> int: ...


def silence_of(heard: Heard, now: datetime) -> tuple[bool, timedelta | None]:
    """Whether the terminal has been heard of within its timeout, and how long ago it was."""
    if heard.last_heartbeat_at is None:
        return False, None
    silence = max(now - heard.last_heartbeat_at, timedelta(0))
    return silence <= timedelta(seconds=heard.heartbeat_timeout), silence


def ago(silence: timedelta | None) -> str:
    """How long ago something was heard of, in words."""
    return gettext("never") if silence is None else gettext("%(span)s ago") % {"span": in_words(silence)}


STANDINGS: Final = (
    "connected",
    "silent",
    "waits for approval",
    "not heard since its approval",
    "not let in",
    "offline",
)
"""What an account's terminal may be doing; the last without a session."""


def standing_of(state: str, key_state: str | None, *, alive: bool) -> str:
    """What a terminal is doing, in words that are translated where they are shown.

    A pending session waits for people only while they have not decided. Once its key is approved it waits for its own
    EA, whose next call lets it in; one that calls and is not let in has an account that is suspended.
    """
    if state != SessionStatus.PENDING:
        return "connected" if alive else "silent"
    if key_state == KeyState.PENDING:
        return "waits for approval"
    return "not let in" if alive else "not heard since its approval"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A session and whether its terminal has been heard of within its timeout."""

    session: EaSession
    alive: bool
    silence: timedelta | None

    @classmethod
    def of(cls, session: EaSession, now: datetime) -> "Terminal":
        return cls(session, *silence_of(session, now))

    @property
    def heard(self) -> str:
        """How long ago it was heard of, in words."""
        return ago(self.silence)

    @property
    def standing(self) -> str:
        """What it is doing, in words of ours."""
        key = self.session.key
        return standing_of(self.session.state, key.state if key else None, alive=self.alive)


def in_words(span: timedelta) -> str:
    """A time span in its largest unit of which there are two at least."""
    seconds = int(span.total_seconds())
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
