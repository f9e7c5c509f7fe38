"""Terminals as people see them: alive or silent, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from django.utils.translation import gettext

from sessions_app.models import EaSession


class Link(NamedTuple):
    """What is to be known of a session to say whether its terminal is there. A page that looks at thousands reads these
    instead of sessions: to build a model takes ten times as long."""

    account_id: UUID
    state: str
    last_heartbeat_at: datetime | None
    heartbeat_timeout: int


class Heard(Protocol):
    """A session, or a Link."""

    @property
    def state(self) -> str: ...
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


def in_words(span: timedelta) -> str:
    """A time span in its largest unit of which there are two at least."""
    seconds = int(span.total_seconds())
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
